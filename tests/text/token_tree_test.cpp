// SPDX-License-Identifier: Apache-2.0
// Windows as trees: every window can be read back from its tree, and nothing is in it twice.
#include "text/token_tree.h"

#include <gmock/gmock.h>

#include <set>

#include "core/random.h"

namespace shorten::text {
namespace {

using ::testing::ElementsAre;

// The tokens on the path to `row`, itself included.
std::vector<int64_t> path(const TokenTree& tree, int64_t row) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i <= row; ++i) {
    if (tree.end[static_cast<size_t>(i)] > row) {
      EXPECT_EQ(tree.depth[static_cast<size_t>(i)], static_cast<int64_t>(out.size()));
      out.push_back(tree.ids[static_cast<size_t>(i)]);
    }
  }
  return out;
}

// Every target of every window is asked for once, after exactly what stands before it in the window.
void expect_all_windows(const std::vector<Window>& windows, const std::vector<TokenTree>& trees) {
  std::set<std::pair<size_t, size_t>> seen;
  for (const TokenTree& tree : trees) {
    int64_t last = 0;
    for (const TokenTree::Question& q : tree.questions) {
      EXPECT_GE(q.row, last) << "rows ascend";
      last = q.row;
      EXPECT_TRUE(seen.insert({q.window, q.target}).second);
      const Window& window = windows[q.window];
      const size_t position = static_cast<size_t>(window.first_target) + q.target;
      EXPECT_EQ(q.id, window.ids[position]);
      EXPECT_EQ(path(tree, q.row),
                std::vector<int64_t>(window.ids.begin(), window.ids.begin() + static_cast<std::ptrdiff_t>(position)));
    }
  }
  size_t targets = 0;
  for (const Window& window : windows) targets += window.ids.size() - static_cast<size_t>(window.first_target);
  EXPECT_EQ(seen.size(), targets);
}

TEST(TokenTrees, ChoicesShareTheirContext) {
  const std::vector<Window> windows = {{{1, 2, 3, 4, 5}, 3}, {{1, 2, 3, 6, 7}, 3}, {{1, 2, 3, 4, 8, 9}, 3}};
  const auto trees = token_trees(windows);
  ASSERT_EQ(trees.size(), 1u);
  EXPECT_THAT(trees[0].ids, ElementsAre(1, 2, 3, 4, 8, 6));  // what is only predicted is not computed
  EXPECT_FALSE(trees[0].is_chain());
  EXPECT_EQ(count_tokens(std::vector<std::vector<Window>>{windows}), 6);
  expect_all_windows(windows, trees);
}

TEST(TokenTrees, AnswersOfOneTokenNeedOneRow) {
  const std::vector<Window> windows = {{{1, 2, 3, 4}, 3}, {{1, 2, 3, 5}, 3}};
  const auto trees = token_trees(windows);
  ASSERT_EQ(trees.size(), 1u);
  EXPECT_THAT(trees[0].ids, ElementsAre(1, 2, 3));
  EXPECT_TRUE(trees[0].is_chain());
  ASSERT_EQ(trees[0].questions.size(), 2u);
  EXPECT_EQ(trees[0].questions[0].row, trees[0].questions[1].row);
}

TEST(TokenTrees, WithoutSharingEachWindowIsAChain) {
  const std::vector<Window> windows = {{{1, 2, 3}, 1}, {{1, 2, 3}, 1}};
  const auto trees = token_trees(windows, false);
  ASSERT_EQ(trees.size(), 2u);
  expect_all_windows(windows, trees);
}

TEST(TokenTrees, StayBelowTheLimit) {
  std::vector<Window> windows;
  for (TokenId i = 0; i < 20; ++i) windows.push_back({{1, 2, i, i, i, 9}, 2});
  const auto trees = token_trees(windows, true, 12);
  EXPECT_GT(trees.size(), 1u);
  for (const TokenTree& tree : trees) EXPECT_LE(tree.size(), 12);
  expect_all_windows(windows, trees);
}

TEST(TokenTrees, OfRandomWindows) {
  Random random(3);
  for (int repeat = 0; repeat < 300; ++repeat) {
    std::vector<Window> windows(1 + random.below(9));
    for (Window& window : windows) {
      window.ids.resize(2 + random.below(7));
      for (TokenId& id : window.ids) id = static_cast<TokenId>(random.below(2));
      window.first_target = 1 + static_cast<int64_t>(random.below(window.ids.size() - 1));
    }
    expect_all_windows(windows, token_trees(windows));
    expect_all_windows(windows, token_trees(windows, false));
  }
}

}  // namespace
}  // namespace shorten::text
