#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/transport.hpp"

namespace riptide::stages {

/// What a reader of files is called, and its bounds.
struct FileReaderOptions {
  std::string name;                        ///< Of the threads and in messages: "source".
  std::size_t threads = 2;                 ///< Files that are read at once.
  std::size_t max_body_bytes = 64u << 20;  ///< Of a part: the longest record that can be read.
  pipeline::CreditPool* body_credits =
      nullptr;                          ///< Bodies grow under it; null leaves them unbounded but for the above.
  pipeline::PagePool* pages = nullptr;  ///< Where body buffers come from; null allocates each.
  int standard_input = 0;               ///< What "-" is. Borrowed.
};

/// Answers `FileRequest`s: lists files, and reads them part by part, cut where records end. Plain or gzip (told by the
/// first bytes), files, pipes, standard input. A few threads of its own; the parts of one file come in the order in
/// which they were asked for, one at a time, so that a file is read forward whatever asks. Between two parts of a
/// stream it stays open; files that nobody asked for lately are closed.
///
/// Errors, all without another attempt but the first: kLimit with Retry::now() (see `Send::credit`), kLimit (a record
/// that is longer than `max_body_bytes`, or too many files), kNotFound, kAuth (no permission), kTransport (what the
/// system says), kRejected (no file or directory, gzip that is damaged or ends early, a stream that was read already, a
/// file that changed while it was read), kStopped, kConfig (a URL that is none).
class FileReader final : public Transport {
 public:
  static Result<std::unique_ptr<FileReader>> start(FileReaderOptions options);
  /// Ends with every `done` called, then joins the threads.
  ~FileReader() override;

  void send(Send send) override;
  /// What waits ends as kStopped, a pipe that has nothing to give included.
  void drain() override;
  void abort() override;
  [[nodiscard]] std::vector<HostStats> stats() const override;

 private:
  class Pool;
  explicit FileReader(std::unique_ptr<Pool> pool);
  std::unique_ptr<Pool> pool_;
};

}  // namespace riptide::stages
