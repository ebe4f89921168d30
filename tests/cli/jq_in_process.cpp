#include "jq_in_process.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "riptide/cli/jq_parallel.hpp"
#include "riptide/cli/verbs.hpp"

namespace riptide::cli {

MemoryFile::MemoryFile(const std::string& text) : descriptor_(::memfd_create("test", MFD_CLOEXEC)) {
  if (descriptor_ < 0 || !write_fully(descriptor_, text) || ::lseek(descriptor_, 0, SEEK_SET) != 0) {
    ADD_FAILURE() << "no file in memory";
  }
}

MemoryFile::~MemoryFile() { ::close(descriptor_); }

std::string MemoryFile::text() const {
  const off_t size = ::lseek(descriptor_, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(size), '\0');
  EXPECT_EQ(::pread(descriptor_, text.data(), text.size(), 0), size);
  return text;
}

JqRun jq_run(const std::vector<std::string>& arguments, const std::string& input) {
  const MemoryFile in(input), out, err;
  JqRun run;
  run.code = run_jq({arguments}, {in.descriptor(), out.descriptor(), err.descriptor()});
  run.out = out.text();
  run.err = err.text();
  return run;
}

}  // namespace riptide::cli
