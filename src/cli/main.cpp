// SPDX-License-Identifier: Apache-2.0
// The program: parses the command line, runs one subcommand, and turns what it throws into one error
// block and an exit status.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "cli/common.h"
#include "cli/help.h"
#include "cli/option_names.h"
#include "cli/terminal.h"
#include "core/cleanup.h"
#include "core/error.h"
#include "core/file.h"
#include "core/version.h"

namespace shorten::cli {
namespace {

constexpr std::array kVerbs = {
    Verb{"inspect", "describe a model: family, sizes, parameters, bytes", setup_inspect},
    Verb{"score", "rate the importance of every block", setup_score},
    Verb{"plan", "choose the blocks to remove for a target", setup_plan},
    Verb{"prune", "write the shorter model", setup_prune},
    Verb{"eval", "measure perplexity and zero-shot accuracy", setup_eval},
    Verb{"heal", "train the shorter model to recover its quality", setup_heal},
    Verb{"generate", "continue a prompt", setup_generate},
    Verb{"bench", "measure latency, throughput and memory", setup_bench},
};

constexpr char kFooter[] =
    "\nTypical workflow:\n"
    "  shorten score MODEL --text book.txt -o scores.json\n"
    "  shorten plan  MODEL --scores scores.json --remove 8 -o plan.json\n"
    "  shorten prune MODEL --plan plan.json -o SHORTER\n"
    "  shorten heal  SHORTER -o RUN\n"
    "  shorten eval  MODEL SHORTER RUN/model --text held-out=other.txt\n"
    "  shorten bench MODEL SHORTER\n"
    "\nMODEL is a Hugging Face directory, or org/name in the local Hub cache.\n"
    "Nothing is ever downloaded. `shorten VERB --help` lists the options.\n";

// CLI11 takes 010 for 8, and what is too large for the largest number.
uint64_t parse_seed(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  throw usage_error("not a seed").where("--seed").expected("a whole number, 0 to 2^64 - 1").found(text);
}

void add_common(CLI::App& app, CommonOptions& o) {
  const std::string group = "Common options";
  app.set_help_flag("-h,--help", "show this help")->group(group);
  app.add_option("--device", o.place.device, "auto, cpu, cuda or cuda:N [auto]")->type_name("DEVICE")->group(group);
  app.add_option("--dtype", o.place.dtype,
                 "auto, fp32, bf16 or fp16; auto: the checkpoint's on CUDA, fp32 on a CPU [auto]")
      ->type_name("DTYPE")
      ->group(group);
  app.add_option("--threads", o.place.threads, "CPU threads [one per core]")
      ->type_name("N")
      ->check(CLI::Range(1, 4096))
      ->group(group);
  app.add_option_function<std::string>(
         "--seed", [&o](const std::string& text) { o.seed = parse_seed(text); }, "random seed [1234]")
      ->type_name("N")
      ->group(group);
  app.add_option("-o,--output", o.output, "output file; for prune and heal a directory")
      ->type_name("PATH")
      ->group(group);
  app.add_flag("--json", o.json, "print the result as JSON")->group(group);
  app.add_flag("--force", o.force, "replace an existing output")->group(group);
  app.add_flag("-q,--quiet", o.quiet, "no progress, only warnings and errors")->group(group);
  app.add_flag("-v,--verbose", o.verbose, "print more messages")->group(group);
}

int report(const Error& thrown, bool json) {
  const Error error = thrown.with_field_names(known_option);
  write_stderr(error.block() + "\n");
  if (json) {
    Json fields = {{"code", static_cast<int>(error.code())}, {"message", error.message()}};
    for (const auto& [key, value] : {std::pair("file", error.file()),
                                     {"where", error.where()},
                                     {"expected", error.expected()},
                                     {"found", error.found()},
                                     {"help", error.help()}}) {
      if (!value.empty()) fields[key] = value;
    }
    // What came from a file may be anything; control characters are escaped by JSON itself.
    const std::string text = Json{{"error", fields}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    try {
      write_stdout(text);
    } catch (const Error&) {  // the first error is the one to tell about
    }
  }
  return static_cast<int>(error.code());
}

// Throws usage_error for a command line that does not parse, and whatever the subcommand throws.
void parse_and_run(int argc, char** argv) {
  CommonOptions common;
  common.argv.assign(argv, argv + argc);
  CLI::App app(
      "shorten makes large language models shorter: it removes their least important\nTransformer blocks and retrains "
      "the result.",
      "shorten");
  app.set_version_flag("--version", fmt::format("shorten {}", kVersion));
  app.set_help_flag("-h,--help", "show this help");
  app.require_subcommand(1);
  app.footer(kFooter);
  app.formatter(std::make_shared<HelpFormatter>());
  std::vector<std::pair<CLI::App*, std::function<void()>>> verbs;
  for (const Verb& verb : kVerbs) {
    CLI::App* sub = app.add_subcommand(verb.name, verb.summary);
    sub->footer("");  // else it has ours
    verbs.emplace_back(sub, verb.setup(*sub, common));
    add_common(*sub, common);
  }
  know_options(app);
  try {
    app.parse(argc, argv);
    Terminal terminal(common.quiet ? Verbosity::kQuiet : common.verbose ? Verbosity::kVerbose : Verbosity::kNormal);
    common.hooks = terminal.hooks();
    const HookScope scope(common.hooks);
    for (const auto& [sub, action] : verbs) {
      if (sub->parsed()) action();
    }
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    write_stdout(chosen.empty() ? app.help() : chosen.front()->help());
  } catch (const CLI::CallForVersion&) {
    write_stdout(app.version() + "\n");
  } catch (const CLI::ParseError& e) {
    const auto chosen = app.get_subcommands();
    throw usage_error(e.what()).help(
        fmt::format("shorten {}--help", chosen.empty() ? "" : chosen.front()->get_name() + " "));
  }
}

int run(int argc, char** argv) {
  // Known before parsing, because a command line that does not parse is an error too.
  const bool json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
  try {
    parse_and_run(argc, argv);
    return static_cast<int>(ExitCode::kDone);
  } catch (const Error& e) {
    return report(e, json);
  } catch (const std::bad_alloc&) {
    return report(no_space("out of memory"), json);
  } catch (const fs::filesystem_error& e) {  // a folder closed to us, a name too long, a link in a loop
    return report(io_error("cannot use a file or folder", e.code().value()).file(e.path1()), json);
  } catch (const std::exception& e) {
    return report(
        Error(ExitCode::kFault, "a fault in shorten").found(e.what()).help("please report this with the command line"),
        json);
  }
}

// A file that we open must not get the number of a standard stream that the caller has closed: what is meant for
// stderr would be written into it. The stand-ins fail as the closed streams would.
void reserve_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    [[maybe_unused]] const int lowest = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace
}  // namespace shorten::cli

int main(int argc, char** argv) {
  shorten::cli::reserve_standard_streams();
  ::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write(), which says so
  ::signal(SIGXFSZ, SIG_IGN);  // so is a file that the limit of the shell stops
  shorten::install_signal_cleanup();
  shorten::install_mapping_guard();
  return shorten::cli::run(argc, argv);
}
