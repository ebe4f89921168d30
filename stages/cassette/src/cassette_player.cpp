#include "riptide/stages/cassette_player.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "entry.hpp"
#include "gzip_members.hpp"
#include "scrubber.hpp"

namespace riptide::stages {
namespace {

using pipeline::unexpected;

/// So many times the nearest request is looked for; a cassette of another source would cost a search for each.
constexpr int kMaxSearches = 50;

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(left - a.begin());
}

std::size_t common_suffix(std::string_view a, std::string_view b) {
  std::size_t length = 0;
  while (length < a.size() && length < b.size() && a[a.size() - 1 - length] == b[b.size() - 1 - length]) ++length;
  return length;
}

Result<CassetteHeader> header_of(MemberReader& reader, std::uint64_t& offset, const std::string& path) {
  std::string line;
  auto found = reader.read(offset, line);
  if (!found) return unexpected(std::move(found).error());
  if (*found != MemberReader::Found::kLine) {
    return unexpected(ErrorKind::kMalformed, "this is no cassette, or one without its first line: " + path);
  }
  auto header = parse_cassette_header(line);
  if (!header) return unexpected(std::move(header).error().within(path));
  return header;
}

}  // namespace

/// The cassette's file, and where each attempt lies in it. Of the client's I/O thread, once it is open.
class CassettePlayer::Tape {
 public:
  Tape(MemberReader reader, const Options& options) : reader_(std::move(reader)), scrubber_(options.secrets, {}) {}

  Result<void> index(const std::string& path) {
    std::uint64_t offset = 0;
    auto header = header_of(reader_, offset, path);
    if (!header) return unexpected(std::move(header).error());
    header_ = *std::move(header);
    std::string line;
    while (true) {
      const std::uint64_t begin = offset;
      auto found = reader_.read(offset, line);
      if (!found) return unexpected(std::move(found).error());
      if (*found != MemberReader::Found::kLine) break;
      auto entry = parse_entry(line, Depth::kKey);
      if (!entry) break;  // From here on it is damaged, as if it had been cut off.
      if (const TapeEnd* const end = std::get_if<TapeEnd>(&*entry)) {
        complete_ = end->attempts == num_attempts_;
        break;
      }
      add(std::get<Entry>(*std::move(entry)), begin);
    }
    for (auto& [digest, track] : tracks_) {
      std::stable_sort(track.places.begin(), track.places.end(),
                       [](const Place& a, const Place& b) { return a.begun_us < b.begun_us; });
    }
    return {};
  }

  AttemptEnding answer(const Attempt& attempt) {
    const RequestKey key = key_of(attempt, scrubber_);
    const auto found = tracks_.find(key.digest());
    if (found == tracks_.end()) return unknown(key);
    Track& track = found->second;
    std::uint64_t offset = track.next(attempt.number).offset;
    auto read = reader_.read(offset, line_);
    if (!read) return failed(std::move(read).error());
    auto entry = parse_entry(line_, Depth::kAll);
    if (!entry) return failed(std::move(entry).error());
    Entry* const known = std::get_if<Entry>(&*entry);
    if (known == nullptr) return failed(Error(ErrorKind::kMalformed, "the cassette has changed while it was played"));
    return std::move(known->ending);
  }

  [[nodiscard]] const CassetteHeader& header() const noexcept { return header_; }
  [[nodiscard]] std::uint64_t num_attempts() const noexcept { return num_attempts_; }
  [[nodiscard]] bool complete() const noexcept { return complete_; }

 private:
  struct Place {
    std::int64_t begun_us = 0;
    std::uint64_t offset = 0;
    int attempt = 1;
    bool played = false;
  };
  /// The attempts of one request.
  struct Track {
    std::string name;
    std::vector<Place> places;
    std::size_t first_left = 0;  ///< All before it are played.

    /// The next that was the same attempt of its request, so that requests that are alike and run side by side get the
    /// same retries whoever comes first; else the next; else the last.
    const Place& next(int attempt) {
      while (first_left < places.size() && places[first_left].played) ++first_left;
      if (first_left == places.size()) return places.back();
      const auto begin = places.begin() + static_cast<std::ptrdiff_t>(first_left);
      auto chosen = std::find_if(begin, places.end(),
                                 [&](const Place& place) { return !place.played && place.attempt == attempt; });
      if (chosen == places.end()) chosen = begin;
      chosen->played = true;
      return *chosen;
    }
  };

  void add(Entry entry, std::uint64_t offset) {
    Track& track = tracks_[entry.key.digest()];
    if (track.places.empty()) track.name = entry.key.name();
    track.places.push_back({.begun_us = entry.begun_us, .offset = offset, .attempt = entry.attempt});
    ++num_attempts_;
  }

  static AttemptEnding failed(Error error) {
    AttemptEnding ending;
    ending.failure = std::move(error);
    ending.permanent = true;
    ending.at = std::chrono::system_clock::now();
    return ending;
  }

  AttemptEnding unknown(const RequestKey& key) {
    const std::string name = key.name();
    std::string text = "the cassette does not know the request: " + name;
    const std::string* nearest = nullptr;
    if (searches_++ < kMaxSearches) {
      std::size_t best = 0;
      for (const auto& [digest, track] : tracks_) {
        const std::size_t alike = common_prefix(name, track.name) + common_suffix(name, track.name);
        // Of equals the first by name: the order of a hash map says nothing.
        if (nearest == nullptr || alike > best || (alike == best && track.name < *nearest)) {
          best = alike;
          nearest = &track.name;
        }
      }
    }
    if (nearest != nullptr && *nearest == name) {
      text += "; it knows it with another body";
    } else if (nearest != nullptr) {
      text += "; the nearest that it knows: " + *nearest;
    }
    if (!complete_) text += fmt::format("; it is cut off after {} attempts", num_attempts_);
    return failed(Error(ErrorKind::kConfig, std::move(text)));
  }

  MemberReader reader_;
  const Scrubber scrubber_;
  CassetteHeader header_;
  std::unordered_map<std::uint64_t, Track> tracks_;
  std::uint64_t num_attempts_ = 0;
  bool complete_ = false;
  int searches_ = 0;
  std::string line_;
};

Result<std::unique_ptr<CassettePlayer>> CassettePlayer::open(Options options) {
  auto reader = MemberReader::open(options.path);
  if (!reader) return unexpected(std::move(reader).error());
  auto tape = std::make_unique<Tape>(*std::move(reader), options);
  if (auto indexed = tape->index(options.path); !indexed) return unexpected(std::move(indexed).error());
  return std::unique_ptr<CassettePlayer>(new CassettePlayer(std::move(tape)));
}

CassettePlayer::CassettePlayer(std::unique_ptr<Tape> tape) : tape_(std::move(tape)) {}
CassettePlayer::~CassettePlayer() = default;

const CassetteHeader& CassettePlayer::header() const noexcept { return tape_->header(); }
std::uint64_t CassettePlayer::num_attempts() const noexcept { return tape_->num_attempts(); }
bool CassettePlayer::complete() const noexcept { return tape_->complete(); }
std::optional<AttemptEnding> CassettePlayer::answer(const Attempt& attempt) { return tape_->answer(attempt); }

Result<CassetteHeader> read_cassette_header(const std::string& path) {
  auto reader = MemberReader::open(path);
  if (!reader) return unexpected(std::move(reader).error());
  std::uint64_t offset = 0;
  return header_of(*reader, offset, path);
}

}  // namespace riptide::stages
