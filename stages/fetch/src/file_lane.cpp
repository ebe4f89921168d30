#include "file_lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::unexpected;

/// The first bytes of a file tell how it is written.
constexpr std::size_t kStartBytes = 64u << 10;
/// What is read for the rest of a line behind a part.
constexpr std::size_t kRestBytes = 16u << 10;
/// Places whose line is remembered.
constexpr std::size_t kMostPlaces = 1024;
/// What is read once more to know the line of a place behind it.
constexpr std::uint64_t kMostCountedAgain = 64u << 20;

constexpr std::string_view kMark = "\xEF\xBB\xBF";

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::size_t skip_spaces(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

std::size_t first_byte(std::string_view text) noexcept {
  return skip_spaces(text, text.starts_with(kMark) ? kMark.size() : 0);
}

/// A body that has its own credit, filled piece by piece. What does not fit is not lost: see `FileLane::read`.
bool copy_into(Body& body, std::string_view bytes) { return bytes.empty() || body.append(bytes); }

}  // namespace

FileShape shape_of(std::string_view start, bool whole) {
  const std::size_t begin = first_byte(start);
  if (begin == start.size()) return FileShape::kLines;
  if (start[begin] == '[') return FileShape::kValues;
  const std::size_t end = start.find('\n', begin);
  if (start[begin] != '{' || end == std::string_view::npos) return FileShape::kLines;
  // A line that is no object by itself may also be a broken one: the next line tells.
  if (json::bracket_end(start.substr(0, end), begin)) return FileShape::kLines;
  if (skip_spaces(start, begin + 1) >= end) return FileShape::kValues;
  if (end + 1 == start.size()) return whole ? FileShape::kLines : FileShape::kValues;
  const char next = start[end + 1];
  return next == ' ' || next == '\t' || next == '}' ? FileShape::kValues : FileShape::kLines;
}

void PartCutter::scan(std::string_view text) {
  if (done_ || text.size() == seen_) return;
  if (shape_ == FileShape::kLines) {
    scan_lines(text);
  } else {
    scan_values(text);
  }
  seen_ = text.size();
}

void PartCutter::scan_lines(std::string_view text) {
  const std::size_t found = text.substr(seen_).rfind('\n');
  if (found != std::string_view::npos) cut_ = seen_ + found + 1;
}

void PartCutter::scan_values(std::string_view text) {
  std::size_t from = seen_;
  if (!begun_) {
    const std::size_t first = within_ ? 0 : first_byte(text);
    if (first == text.size()) {  // white space alone
      cut_ = first;
      return;
    }
    cut_ = 0;
    begun_ = true;
    base_ = first;
    if (!within_ && text[first] == '[') {
      within_ = true;
      ++base_;
    }
    from = base_;
  }
  cutter_.scan(text.substr(base_), from - base_);
  if (cutter_.cut() != 0) cut_ = base_ + cutter_.cut();
  if (cutter_.closed() != 0) cut_ = base_ + cutter_.closed();
  done_ = cutter_.broken();
}

void FileLane::close() noexcept {
  stream_.reset();
  carry_ = std::string();
  position_ = 0;
}

Result<void> FileLane::go_to(std::uint64_t at) {
  if (stream_ == nullptr) {
    auto opened = FileStream::open(path_, standard_input_, interruption_);
    if (!opened) return unexpected(std::move(opened).error());
    stream_ = std::move(*opened);
    position_ = 0;
    carry_.clear();
  }
  if (at == position_) return {};
  if (!stream_->again()) {
    return unexpected(
        ErrorKind::kRejected,
        fmt::format("a stream can be read only once: it was read up to byte {}, and is not read from byte {}",
                    position_, at));
  }
  carry_ = std::string();
  auto went = stream_->go_to(at);
  position_ = stream_->at();
  return went;
}

Result<FileShape> FileLane::look_at_start(std::span<char> scratch) {
  bool whole = false;
  while (carry_.size() < kStartBytes) {
    const std::size_t begin = first_byte(carry_);
    if (begin < carry_.size()) {
      // The line after the first tells too.
      const std::size_t end = carry_.find('\n', begin);
      if (carry_[begin] == '[' || (end != std::string::npos && end + 1 < carry_.size())) break;
    }
    auto got = stream_->read(scratch.data(), std::min(scratch.size(), kStartBytes));
    if (!got && carry_.empty()) return unexpected(std::move(got).error());
    whole = !got || *got == 0;
    if (whole) break;
    carry_.append(scratch.data(), *got);
  }
  return shape_of(carry_, whole);
}

Error FileLane::no_room(const Body& body, std::uint64_t at, const BodyLimits& limits) const {
  Error error = *body.failure();
  if (error.kind != ErrorKind::kLimit || error.retry.when != pipeline::Retry::When::kNever) return error;
  std::size_t most = limits.max_bytes;
  if (limits.credits != nullptr) most = std::min(most, limits.credits->capacity());
  return Error(ErrorKind::kLimit,
               fmt::format("the record at about byte {} is longer than a page may be: over {} bytes; raise MEMORY "
                           "(OCEAN__RIPTIDE__MEMORY), of which a page may have a third",
                           at, most));
}

void FileLane::note_breaks(std::uint64_t at, std::uint64_t breaks) {
  breaks_[at] = breaks;
  if (breaks_.size() > kMostPlaces) breaks_.erase(std::next(breaks_.begin()));
}

std::optional<std::uint64_t> FileLane::breaks_before(std::uint64_t at, std::span<char> scratch) {
  auto known = breaks_.upper_bound(at);
  if (known == breaks_.begin()) return std::nullopt;
  --known;
  std::uint64_t place = known->first;
  std::uint64_t breaks = known->second;
  if (place != at && (!stream_->anywhere() || at - place > kMostCountedAgain)) return std::nullopt;
  while (place < at) {
    auto got = stream_->read_at(scratch.data(),
                                static_cast<std::size_t>(std::min<std::uint64_t>(scratch.size(), at - place)), place);
    if (!got || *got == 0) return std::nullopt;
    breaks += json::count_lines({scratch.data(), *got});
    place += *got;
  }
  return breaks;
}

Result<FilePart> FileLane::read(const FileRequest& request, Body& body, std::span<char> scratch,
                                const BodyLimits& limits) {
  if (stream_ == nullptr) {
    if (auto opened = go_to(0); !opened) return unexpected(std::move(opened).error());
  }
  auto before = stream_->facts();
  if (!before) return unexpected(std::move(before).error());
  FilePart part;
  part.shape = request.shape;
  part.edition = before->edition;
  if (part.shape == FileShape::kUnknown) {
    if (auto went = go_to(0); !went) return unexpected(std::move(went).error());
    auto shape = look_at_start(scratch);
    if (!shape) return unexpected(std::move(shape).error());
    part.shape = *shape;
  }
  part.anywhere = part.shape == FileShape::kLines && stream_->anywhere();
  part.size = before->size;
  auto done = part.anywhere ? read_lines_at(request, body, scratch, part) : read_on(request, body, scratch, part);
  if (!done) {
    if (body.failure()) return unexpected(no_room(body, request.at, limits));
    return unexpected(std::move(done).error());
  }
  auto after = stream_->facts();
  if (!after) return unexpected(std::move(after).error());
  if (after->edition != before->edition) {
    return unexpected(ErrorKind::kRejected,
                      fmt::format("the file was written to while it was read: it had {} bytes, and has {}",
                                  before->size, after->size));
  }
  return part;
}

/// The lines that begin in a stretch of the file.
Result<void> FileLane::read_lines_at(const FileRequest& request, Body& body, std::span<char> scratch, FilePart& part) {
  const auto failed = [] { return unexpected(ErrorKind::kLimit, "no room"); };
  carry_ = std::string();
  position_ = stream_->at();
  const std::uint64_t from = request.at == 0 ? 0 : request.at - 1;
  const std::uint64_t end = std::min(part.size, request.at + std::max<std::uint64_t>(request.bytes, 1));
  if (const auto breaks = breaks_before(from, scratch)) part.line = *breaks + 1;
  std::uint64_t at = from;
  const auto read_to = [&](std::uint64_t to) -> Result<std::size_t> {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(scratch.size(), to - at));
    auto got = stream_->read_at(scratch.data(), most, at);
    if (!got) return got;
    if (!copy_into(body, {scratch.data(), *got})) return failed();
    at += *got;
    return got;
  };
  if (from < end && !body.expect(static_cast<std::size_t>(std::min<std::uint64_t>(end - from, SIZE_MAX))))
    return failed();
  while (at < end) {
    auto got = read_to(end);
    if (!got) return unexpected(std::move(got).error());
    if (*got == 0) break;  // It has become shorter.
  }
  part.last = end >= part.size;
  const std::size_t have = body.view().size();
  if (part.line) {
    // The next part begins with the last byte of this one.
    const std::uint64_t breaks = have == 0 ? 0 : json::count_lines(body.view().substr(0, have - 1));
    if (have != 0) note_breaks(from + have - 1, *part.line - 1 + breaks);
  }
  // Whether a line begins here at all: if not, there is no rest of it to be read.
  const std::size_t first_break = request.at == 0 ? 0 : body.view().find('\n');
  const bool any = have != 0 && (request.at == 0 || (first_break != std::string_view::npos && first_break + 1 < have));
  if (!any || body.view().back() == '\n') return {};
  while (at < part.size) {
    auto got = read_to(std::min<std::uint64_t>(part.size, at + kRestBytes));
    if (!got) return unexpected(std::move(got).error());
    if (*got == 0) break;
    const std::string_view text = body.view();
    const std::size_t found = text.find('\n', text.size() - *got);
    if (found == std::string_view::npos) continue;
    body.truncate(found + 1);
    break;
  }
  return {};
}

/// The next records of a stream.
Result<void> FileLane::read_on(const FileRequest& request, Body& body, std::span<char> scratch, FilePart& part) {
  const auto failed = [] { return unexpected(ErrorKind::kLimit, "no room"); };
  if (auto went = go_to(request.at); !went) return went;
  if (const auto breaks = breaks_before(request.at, scratch)) part.line = *breaks + 1;
  if (!copy_into(body, carry_)) return failed();
  PartCutter cutter(part.shape, request.within_array);
  std::optional<Error> broken;
  bool ended = false;
  while (true) {
    cutter.scan(body.view());
    if (cutter.done() || (body.view().size() >= request.bytes && cutter.cut() != 0)) break;
    const std::uint64_t have = body.view().size();
    const std::uint64_t most = have < request.bytes ? request.bytes - have : kRestBytes;
    auto got = stream_->read(scratch.data(), static_cast<std::size_t>(std::min<std::uint64_t>(most, scratch.size())));
    if (!got) broken = std::move(got).error();
    ended = got && *got == 0;
    if (broken || ended) break;
    if (copy_into(body, {scratch.data(), *got})) continue;
    carry_ = body.view();  // Kept for the next attempt.
    carry_.append(scratch.data(), *got);
    return failed();
  }
  std::size_t cut = cutter.cut();
  const std::string_view text = body.view();
  if (cut == 0 && broken) return unexpected(*std::move(broken));
  if (cut == 0 && cutter.done()) {
    return unexpected(ErrorKind::kRejected,
                      fmt::format("this is not JSON: there is a line break in a string, behind byte {}", request.at));
  }
  if (ended) {
    // The beginning of a record that the file ends in the middle of comes by itself: it must not cost the others.
    const bool rest = part.shape == FileShape::kValues && cut != 0 && skip_spaces(text, cut) != text.size();
    part.last = !rest;
    if (!rest) cut = text.size();
  }
  if (part.line) note_breaks(request.at + cut, *part.line - 1 + json::count_lines(text.substr(0, cut)));
  carry_ = std::string(text.substr(cut));
  position_ = request.at + cut;
  body.truncate(cut);
  return {};
}

}  // namespace riptide::stages
