// SPDX-License-Identifier: Apache-2.0
// What a signal does while a StopRequest lives, from outside: each case is a process of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

#include "core/cleanup.h"
#include "core/file.h"
#include "temp_dir.h"

namespace shorten {
namespace {

using test::TempDir;
using testing::HasSubstr;
using testing::Not;

constexpr auto kLater = std::chrono::milliseconds(400);  // beyond what counts as one request

// A process that runs `work`; its result is the exit status. What it says with `tell` the test reads one by one.
class Process {
 public:
  using Tell = std::function<void(char)>;

  Process(const TempDir& temp, const std::function<int(const Tell&)>& work) : stderr_(temp / "stderr") {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
      ::dup2(::open(stderr_.c_str(), O_CREAT | O_WRONLY, 0600), STDERR_FILENO);
      install_signal_cleanup();
      ::_exit(work([&](char word) { EXPECT_EQ(::write(ends[1], &word, 1), 1); }));
    }
    ::close(ends[1]);
    told_ = ends[0];
  }
  ~Process() {
    if (!status_) ::kill(pid_, SIGKILL);
    end();
    ::close(told_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const { EXPECT_EQ(::kill(pid_, signal), 0); }
  char listen() const {  // 0 where it has ended
    char word = 0;
    return ::read(told_, &word, 1) == 1 ? word : '\0';
  }
  int end() {  // as a shell gives it
    if (!status_) {
      int status = 0;
      EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return *status_;
  }
  std::string said() const { return read_file(stderr_); }

 private:
  fs::path stderr_;
  pid_t pid_ = -1;
  int told_ = -1;
  std::optional<int> status_;
};

void wait_for(const StopRequest& stop) {
  while (!stop.requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Works on a temporary file until it is asked to stop, then until something is in `go_on`, and ends with 75.
std::function<int(const Process::Tell&)> worker(const fs::path& unfinished, const fs::path& go_on) {
  return [=](const Process::Tell& tell) {
    const Temporary temporary(test::write(unfinished, "x"));
    const StopRequest stop;
    if (stop.requested()) return 1;
    tell('r');
    std::thread([&] { wait_for(stop); }).join();  // seen from another thread
    tell('s');
    while (!fs::exists(go_on)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return 75;
  };
}

TEST(StopRequest, TheFirstSignalOnlyAsks) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TempDir temp;
    Process process(temp, worker(temp / "unfinished", temp / "go"));
    ASSERT_EQ(process.listen(), 'r');
    process.send(signal);
    ASSERT_EQ(process.listen(), 's');
    EXPECT_TRUE(fs::exists(temp / "unfinished")) << "its owner still works on it";
    while (process.said().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    test::write(temp / "go", "");
    EXPECT_EQ(process.end(), 75);
    EXPECT_THAT(process.said(), HasSubstr("once more to end at once"));
    EXPECT_THAT(process.said(), Not(HasSubstr("interrupted")));
  }
}

TEST(StopRequest, TheSecondSignalEndsAtOnceAndRemovesWhatIsTemporary) {
  const TempDir temp;
  Process process(temp, worker(temp / "unfinished", temp / "go"));
  ASSERT_EQ(process.listen(), 'r');
  process.send(SIGINT);
  ASSERT_EQ(process.listen(), 's');
  std::this_thread::sleep_for(kLater);
  process.send(SIGTERM);
  EXPECT_EQ(process.end(), 128 + SIGTERM);
  EXPECT_FALSE(fs::exists(temp / "unfinished"));
}

TEST(StopRequest, ASignalSentTwiceAtOnceIsOneRequest) {
  const TempDir temp;
  Process process(temp, worker(temp / "unfinished", temp / "go"));
  ASSERT_EQ(process.listen(), 'r');
  process.send(SIGTERM);
  ASSERT_EQ(process.listen(), 's');  // the second does not merge with the first: that one has been taken
  process.send(SIGTERM);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  test::write(temp / "go", "");
  EXPECT_EQ(process.end(), 75);
}

TEST(StopRequest, WithoutOneOrAfterItASignalEnds) {
  for (const bool after : {false, true}) {
    const TempDir temp;
    Process process(temp, [&](const Process::Tell& tell) {
      const Temporary temporary(test::write(temp / "unfinished", "x"));
      if (after) const StopRequest gone;
      tell('r');
      std::this_thread::sleep_for(std::chrono::seconds(20));
      return 0;
    });
    ASSERT_EQ(process.listen(), 'r');
    process.send(SIGINT);
    EXPECT_EQ(process.end(), 128 + SIGINT);
    EXPECT_FALSE(fs::exists(temp / "unfinished"));
  }
}

TEST(StopRequest, ANewOneKnowsNothingOfTheLast) {
  const TempDir temp;
  Process process(temp, [](const Process::Tell& tell) {
    for (int i = 0; i < 2; ++i) {
      const StopRequest stop;
      if (stop.requested()) return 1;
      tell('r');
      wait_for(stop);
    }
    return 75;
  });
  ASSERT_EQ(process.listen(), 'r');
  process.send(SIGINT);
  ASSERT_EQ(process.listen(), 'r');
  std::this_thread::sleep_for(kLater);
  process.send(SIGINT);
  EXPECT_EQ(process.end(), 75) << "the first signal while it lives, whatever came before";
}

TEST(StopRequest, ReachesAllThatLive) {
  const TempDir temp;
  Process process(temp, [](const Process::Tell& tell) {
    const StopRequest one, other;
    tell('r');
    while (!one.requested() || !other.token().stop_requested()) std::this_thread::yield();
    const StopRequest late;  // begun when all are to stop
    return late.requested() ? 75 : 1;
  });
  ASSERT_EQ(process.listen(), 'r');
  process.send(SIGINT);
  EXPECT_EQ(process.end(), 75);
}

}  // namespace
}  // namespace shorten
