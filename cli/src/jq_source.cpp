#include "riptide/cli/jq_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "riptide/cli/jq_options.hpp"
#include "riptide/json/document.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10;  // fits a core's cache, with what is made of it
constexpr std::size_t kFirstCheck = std::size_t{8} << 20;

// False if `text`, which no value ends in, cannot be the beginning of one: there is no need to read on then.
bool may_become_a_value(std::string_view text) {
  transform::jq::Evaluator evaluator(kJqLimits);
  std::size_t at = 0;
  return evaluator.load_next(text, at, false).has_value();
}

}  // namespace

// ---- JqBuffer

char* JqBuffer::room(std::size_t bytes) {
  if (capacity_ - size_ < bytes + json::Document::kPadding) {
    const std::size_t capacity = std::max(size_ + bytes + json::Document::kPadding, capacity_ + capacity_ / 2);
    void* const grown = std::realloc(bytes_.get(), capacity);
    if (grown == nullptr) throw std::bad_alloc();
    (void)bytes_.release();
    bytes_.reset(static_cast<char*>(grown));
    capacity_ = capacity;
  }
  return bytes_.get() + size_;
}

void JqBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
  size_ += bytes.size();
}

void JqBuffer::trim(std::size_t bytes) noexcept {
  if (capacity_ <= bytes || size_ > 0) return;
  bytes_.reset();
  capacity_ = 0;
}

// ---- JqBlock

JqBlock::Place JqBlock::place(std::size_t end) const {
  std::size_t which = 0;
  while (which + 1 < files_.size() && files_[which + 1].offset <= end && files_[which + 1].offset < text().size()) {
    ++which;
  }
  const std::size_t until = which + 1 < files_.size() ? files_[which + 1].offset : text().size();
  const std::size_t from = files_[which].offset;
  // jq reads line by line: the line on which the value ends has been read to its end.
  const std::size_t line_end = std::min(text().find('\n', std::max(end, from + 1) - 1), until);
  Place place = files_[which].place;
  place.line += lines_between(from, line_end) + (line_end == until ? 0 : 1);
  return place;
}

std::size_t JqBlock::lines_between(std::size_t from, std::size_t to) const {
  if (from != counted_from_ || to < counted_to_) {
    counted_from_ = counted_to_ = from;
    counted_ = 0;
  }
  counted_ += json::count_lines(text().substr(counted_to_, to - counted_to_));
  counted_to_ = to;
  return counted_;
}

JqBlock::Position JqBlock::position(std::size_t at) const {
  const std::string_view before = text().substr(0, at);
  const std::size_t lines = json::count_lines(before);
  if (lines == 0) return {start_.line, start_.column + at};
  return {start_.line + lines, at - before.rfind('\n') - 1};
}

// ---- JqSource

JqSource::JqSource(std::vector<std::string> files, int standard_input, Cut cut)
    : files_(std::move(files)), standard_input_(standard_input), cut_(cut) {
  if (files_.empty()) files_.emplace_back("-");
  for (const std::string& file : files_) names_.push_back(file == "-" ? "<stdin>" : file);
}

JqSource::~JqSource() { close_file(); }

void JqSource::close_file() noexcept {
  if (file_ >= 0 && file_ != standard_input_) ::close(file_);
  file_ = -1;
}

void JqSource::complain(const std::string& what) {
  failed_ = true;
  if (!complaints_.empty()) complaints_ += '\n';
  complaints_ += what;
}

bool JqSource::open_next() {
  close_file();
  if (next_file_ == files_.size()) return false;
  const std::string& name = files_[next_file_++];
  file_ = name == "-" ? standard_input_ : ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) {
    complain("Could not open file " + name + ": " + std::strerror(errno));
    return true;
  }
  struct stat status {};
  regular_ = ::fstat(file_, &status) == 0 && S_ISREG(status.st_mode);
  return true;
}

// Appends at most `most` bytes of the current file, or of the next one that has any; 0 at the end.
std::size_t JqSource::read_some(JqBlock& block, std::size_t most) {
  while (!ended_) {
    if (file_ < 0) {
      if (!open_next()) {
        ended_ = true;
        break;
      }
      if (file_ >= 0) block.files_.push_back({block.bytes.size(), {next_file_ - 1, 0}});
      continue;
    }
    const ssize_t got = ::read(file_, block.bytes.room(most), most);
    if (got > 0) {
      block.bytes.grew(static_cast<std::size_t>(got));
      return static_cast<std::size_t>(got);
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) complain("Could not read file " + names_[next_file_ - 1] + ": " + std::strerror(errno));
    close_file();
  }
  return 0;
}

bool JqSource::would_wait() const {
  if (regular_ || file_ < 0) return false;
  struct pollfd ready = {file_, POLLIN, 0};
  return ::poll(&ready, 1, 0) == 0;
}

std::size_t JqSource::find_cut(JqBlock& block) {
  const std::string_view text = block.text();
  const std::size_t from = std::exchange(seen_, text.size());
  switch (cut_) {
    case Cut::kNowhere:
      return text.size();
    case Cut::kLines:
    case Cut::kRecords: {
      const std::size_t found = text.substr(from).rfind(cut_ == Cut::kLines ? '\n' : '\x1E');
      if (found == std::string_view::npos) return 0;
      return from + found + (cut_ == Cut::kLines ? 1 : 0);
    }
    case Cut::kGuessed:
      if (const std::size_t found = text.substr(from).rfind('\n'); found != std::string_view::npos) {
        block.guessed = true;
        return from + found + 1;
      }
      cut_ = Cut::kValues;  // these are no lines
      cutter_.scan(text, 0);
      break;
    case Cut::kValues:
      cutter_.scan(text, from);
      break;
  }
  return cutter_.line_cut() != 0 ? cutter_.line_cut() : cutter_.cut();
}

// A byte order mark at the very beginning is as good as white space.
void JqSource::skip_mark(JqBlock& block) {
  first_bytes_ = false;
  if (cut_ != Cut::kLines && block.text().starts_with("\xEF\xBB\xBF")) {
    std::memset(block.bytes.room(0) - block.bytes.size(), ' ', 3);
  }
}

bool JqSource::next(JqBlock& block) {
  block.bytes.clear();
  block.bytes.trim(4 * kBlockBytes);
  block.bytes.append(carry_.text());
  block.files_ = std::move(carried_files_);
  carried_files_.clear();
  block.start_ = position_;
  block.counted_to_ = SIZE_MAX;
  block.last = false;
  block.guessed = false;
  carry_.clear();
  carry_.trim(4 * kBlockBytes);
  std::size_t cut = 0;
  std::size_t next_check = kFirstCheck;
  while (true) {
    // A block of the usual size, or half as much again of what has no end yet.
    const std::size_t want = std::max(kBlockBytes, block.bytes.size() + block.bytes.size() / 2);
    bool waits = false;
    while (block.bytes.size() < want && !waits) {
      if (read_some(block, want - block.bytes.size()) == 0) break;
      waits = would_wait();
    }
    if (first_bytes_ && block.bytes.size() >= 3) skip_mark(block);
    if (ended_) {
      finish(block, block.bytes.size());
      block.last = true;
      return !block.text().empty();
    }
    cut = find_cut(block);
    if (cutter_.broken()) break;
    if (cut != 0) {
      finish(block, cut);
      return true;
    }
    if (cut_ == Cut::kValues && block.bytes.size() >= next_check) {
      if (!may_become_a_value(block.text())) break;
      next_check *= 8;
    }
  }
  // What comes next is not JSON: whoever reads the block will say why, and that is the end.
  ended_ = true;
  close_file();
  finish(block, block.bytes.size());
  block.last = true;
  return true;
}

// Keeps what is behind the cut for the next block.
void JqSource::finish(JqBlock& block, std::size_t cut) {
  carry_.append(block.text().substr(cut));
  if (block.files_.empty() || block.files_.front().offset > 0) block.files_.insert(block.files_.begin(), {0, place_});
  const auto behind = [cut](const JqBlock::FileStart& start) { return start.offset > cut; };
  const auto first_behind = std::find_if(block.files_.begin(), block.files_.end(), behind);
  carried_files_.assign(first_behind, block.files_.end());
  for (JqBlock::FileStart& start : carried_files_) start.offset -= cut;
  block.files_.erase(first_behind, block.files_.end());
  block.bytes.shrink_to(cut);
  const JqBlock::FileStart& last = block.files_.back();
  const std::size_t lines = json::count_lines(block.text());
  place_ = last.place;
  place_.line += last.offset == 0 ? lines : json::count_lines(block.text().substr(last.offset));
  position_.line += lines;
  position_.column = lines == 0 ? position_.column + cut : cut - block.text().rfind('\n') - 1;
  cutter_.drop(cut);
  seen_ = carry_.size();
}

void JqSource::give_back(const std::vector<JqBlock>& blocks, std::size_t from) {
  JqBuffer all;
  std::vector<JqBlock::FileStart> starts;
  const JqBlock& first = blocks.front();
  for (const JqBlock& block : blocks) {
    const std::size_t skipped = &block == &first ? from : 0;
    for (JqBlock::FileStart start : block.files_) {
      if (start.offset <= skipped) {  // in force where this begins
        start.place.line += block.lines_between(start.offset, skipped);
        start.offset = skipped;
        if (&block == &first) place_ = start.place;
      }
      start.offset = start.offset - skipped + all.size();
      starts.push_back(start);
    }
    all.append(block.text().substr(skipped));
  }
  position_ = first.position(from);
  for (JqBlock::FileStart& start : carried_files_) start.offset += all.size();
  starts.insert(starts.end(), carried_files_.begin(), carried_files_.end());
  carried_files_ = std::move(starts);
  all.append(carry_.text());
  carry_ = std::move(all);
  seen_ = 0;
  cutter_ = {};
  cut_ = Cut::kValues;
}

void JqSource::read_all(JqBlock& block) {
  block.bytes.clear();
  while (read_some(block, std::max(kBlockBytes, block.bytes.size() / 2)) != 0) {
  }
  skip_mark(block);
  finish(block, block.bytes.size());
  block.last = true;
}

}  // namespace riptide::cli
