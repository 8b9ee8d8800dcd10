// SPDX-License-Identifier: Apache-2.0
#include "text/token_tree.h"

#include <algorithm>

#include "core/check.h"

namespace shorten::text {
namespace {

// A trie whose nodes come in the order they were first seen; children and siblings are linked lists, which
// hold as many nodes as a question has choices.
class Trie {
 public:
  // Tokens of `window` that are in the trie already, from its beginning on.
  int64_t shared(const Window& window) const {
    int64_t count = 0;
    for (int64_t at = first_root_; count + 1 < length(window);) {
      at = find(at, window.ids[static_cast<size_t>(count)]);
      if (at < 0) break;
      ++count;
      at = nodes_[static_cast<size_t>(at)].child;
    }
    return count;
  }

  void add(const Window& window, size_t index) {
    int64_t parent = -1;
    for (int64_t p = 0; p + 1 < length(window); ++p) {
      parent = child(parent, window.ids[static_cast<size_t>(p)]);
      if (p + 1 >= window.first_target) {
        const auto target = static_cast<size_t>(p + 1 - window.first_target);
        questions_.push_back({parent, window.ids[static_cast<size_t>(p + 1)], index, target});
      }
    }
    if (window.reads_last) child(parent, window.ids.back());
  }

  int64_t size() const { return static_cast<int64_t>(nodes_.size()); }

  TokenTree tree() const {
    TokenTree out;
    std::vector<int64_t> row_of(nodes_.size());
    // Depth first, without recursion: paths are thousands of tokens deep.
    std::vector<int64_t> open;  // rows of the path to the current node
    for (int64_t at = first_root_; at >= 0;) {
      const Node& node = nodes_[static_cast<size_t>(at)];
      row_of[static_cast<size_t>(at)] = out.size();
      out.depth.push_back(static_cast<int64_t>(open.size()));
      out.end.push_back(0);
      open.push_back(out.size());
      out.ids.push_back(node.id);
      if (node.child >= 0) {
        at = node.child;
        continue;
      }
      while (at >= 0) {  // up, closing what is done, to the next sibling
        out.end[static_cast<size_t>(open.back())] = out.size();
        open.pop_back();
        const Node& done = nodes_[static_cast<size_t>(at)];
        at = done.sibling >= 0 ? done.sibling : done.parent;
        if (done.sibling >= 0) break;
      }
    }
    out.questions = questions_;
    for (TokenTree::Question& q : out.questions) q.row = row_of[static_cast<size_t>(q.row)];
    std::stable_sort(out.questions.begin(), out.questions.end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
    return out;
  }

 private:
  struct Node {
    int64_t id, parent, child = -1, sibling = -1;
  };

  static int64_t length(const Window& window) { return static_cast<int64_t>(window.ids.size()); }

  // `id` among the siblings from `first` on, or -1.
  int64_t find(int64_t first, int64_t id) const {
    while (first >= 0 && nodes_[static_cast<size_t>(first)].id != id)
      first = nodes_[static_cast<size_t>(first)].sibling;
    return first;
  }

  // The child `id` of `parent` (-1: a root), made if it is not there.
  int64_t child(int64_t parent, int64_t id) {
    int64_t last = parent < 0 ? first_root_ : nodes_[static_cast<size_t>(parent)].child;
    const int64_t found = find(last, id);
    if (found >= 0) return found;
    const int64_t made = size();
    nodes_.push_back({id, parent});
    if (last < 0) {
      (parent < 0 ? first_root_ : nodes_[static_cast<size_t>(parent)].child) = made;
      return made;
    }
    while (nodes_[static_cast<size_t>(last)].sibling >= 0) last = nodes_[static_cast<size_t>(last)].sibling;
    nodes_[static_cast<size_t>(last)].sibling = made;
    return made;
  }

  std::vector<Node> nodes_;
  int64_t first_root_ = -1;
  std::vector<TokenTree::Question> questions_;
};

}  // namespace

bool TokenTree::is_chain() const {
  return std::all_of(end.begin(), end.end(), [this](int64_t e) { return e == size(); });
}

std::vector<TokenTree> token_trees(std::span<const Window> windows, bool share, int64_t most_tokens) {
  std::vector<TokenTree> out;
  Trie trie;
  for (size_t w = 0; w < windows.size(); ++w) {
    const auto length = static_cast<int64_t>(windows[w].ids.size()) - 1;
    SHORTEN_CHECK(windows[w].first_target >= 1 && windows[w].first_target <= length, "a window without a target");
    const int64_t shared = share ? trie.shared(windows[w]) : 0;
    if (trie.size() > 0 && (shared == 0 || trie.size() + length - shared > most_tokens)) {
      out.push_back(trie.tree());
      trie = Trie();
    }
    trie.add(windows[w], w);
  }
  if (trie.size() > 0) out.push_back(trie.tree());
  return out;
}

int64_t count_tokens(std::span<const std::vector<Window>> documents) {
  int64_t tokens = 0;
  for (const auto& windows : documents) {
    for (const TokenTree& tree : token_trees(windows)) tokens += tree.size();
  }
  return tokens;
}

}  // namespace shorten::text
