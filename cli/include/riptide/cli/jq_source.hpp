#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/json/cutter.hpp"

namespace riptide::cli {

/// Bytes that grow without being cleared first; `json::Document::kPadding` more can be read behind them.
class JqBuffer {
 public:
  JqBuffer() = default;
  JqBuffer(JqBuffer&& other) noexcept
      : bytes_(std::move(other.bytes_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  JqBuffer& operator=(JqBuffer&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.get(), size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void clear() noexcept { size_ = 0; }
  void shrink_to(std::size_t size) noexcept { size_ = size; }
  void append(std::string_view bytes);
  /// Makes room for `bytes` more and returns where they go; then `grew` says how many came. Throws std::bad_alloc.
  char* room(std::size_t bytes);
  void grew(std::size_t bytes) noexcept { size_ += bytes; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Gives the memory back if it is more than `bytes`.
  void trim(std::size_t bytes) noexcept;

 private:
  struct Free {
    void operator()(char* bytes) const noexcept { std::free(bytes); }
  };
  std::unique_ptr<char, Free> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// A run of the input, and where it comes from.
struct JqBlock {
  /// A place as jq names it in messages: the file, and the number of its lines that had been read.
  struct Place {
    std::size_t file = 0;
    std::size_t line = 0;
  };
  /// A place as the reader of JSON counts: over all files.
  struct Position {
    std::size_t line = 1;
    std::size_t column = 0;
  };

  JqBuffer bytes;
  bool last = false;     ///< Nothing follows.
  bool guessed = false;  ///< It was cut at a line break that may lie within a value (`Cut::kGuessed`).

  [[nodiscard]] std::string_view text() const noexcept { return bytes.text(); }
  /// @param end  Behind the value (or at the character that ended a bare word).
  [[nodiscard]] Place place(std::size_t end) const;
  [[nodiscard]] Position position(std::size_t at) const;

 private:
  friend class JqSource;
  struct FileStart {
    std::size_t offset;
    Place place;
  };
  [[nodiscard]] std::size_t lines_between(std::size_t from, std::size_t to) const;

  std::vector<FileStart> files_;  ///< The first one at 0.
  Position start_;
  // Places are asked for in order, mostly: up to where lines have been counted, from where, and how many there were.
  mutable std::size_t counted_from_ = 0;
  mutable std::size_t counted_to_ = 0;
  mutable std::size_t counted_ = 0;
};

/// Reads files one after the other as one text, as jq does (a value may begin in one and end in the next), and cuts it
/// into blocks. Memory: a block, or the longest value if it is longer. One thread at a time.
class JqSource {
 public:
  enum class Cut : std::uint8_t {
    kValues,   ///< Between JSON values; at line breaks where possible.
    kGuessed,  ///< Behind line breaks, at the price of looking for one; kValues once that has proved wrong.
    kLines,    ///< Behind line breaks.
    kRecords,  ///< In front of record separators.
    kNowhere,  ///< Anywhere.
  };

  /// @param files  Names; "-" is `standard_input`, which is also read if there are none.
  JqSource(std::vector<std::string> files, int standard_input, Cut cut);
  ~JqSource();
  JqSource(const JqSource&) = delete;
  JqSource& operator=(const JqSource&) = delete;

  /// Reads the next block into `block`, whose memory is used again; false at the end. Where nothing more is there to
  /// be read at once (a pipe), a block is short.
  bool next(JqBlock& block);
  /// Reads all there is as one block, whatever `Cut` says. Instead of `next`.
  void read_all(JqBlock& block);

  /// Takes back what was read from `from` in the first of `blocks` on, which are the last ones that were given: the
  /// first one ends within a value that begins there. From now on, blocks are cut as with kValues.
  void give_back(const std::vector<JqBlock>& blocks, std::size_t from);

  /// The name of a file in messages and for `input_filename`. Any thread.
  [[nodiscard]] const std::string& name(std::size_t file) const { return names_[file]; }
  /// True once a file could not be read.
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// What has to be said about such files, as lines without the last line break; forgotten then.
  std::string complaints() { return std::exchange(complaints_, {}); }
  /// Where reading is: the last file, with all of its lines read. Meaningless before anything was read.
  [[nodiscard]] JqBlock::Place place() const noexcept { return place_; }
  [[nodiscard]] bool begun() const noexcept { return next_file_ > 0; }

 private:
  bool open_next();
  void close_file() noexcept;
  void complain(const std::string& what);
  std::size_t read_some(JqBlock& block, std::size_t most);
  std::size_t find_cut(JqBlock& block);
  [[nodiscard]] bool would_wait() const;
  void skip_mark(JqBlock& block);
  void finish(JqBlock& block, std::size_t cut);

  std::vector<std::string> files_;
  std::vector<std::string> names_;  ///< Known from the beginning: other threads ask for them.
  int standard_input_;
  Cut cut_;
  std::size_t next_file_ = 0;
  int file_ = -1;
  bool regular_ = false;
  bool ended_ = false;
  bool first_bytes_ = true;
  bool failed_ = false;
  std::string complaints_;

  JqBuffer carry_;  ///< Read, but behind the last cut.
  std::vector<JqBlock::FileStart> carried_files_;
  std::size_t seen_ = 0;  ///< Bytes of the carry, then of the block, in which a cut has been looked for.
  json::Cutter cutter_;
  JqBlock::Place place_;        ///< At the beginning of `carry_`.
  JqBlock::Position position_;  ///< Likewise.
};

}  // namespace riptide::cli
