#include "page_archive.hpp"

#include <fmt/format.h>
#include <xxhash.h>
#include <zlib.h>

#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::Digest;
using pipeline::Result;
using pipeline::unexpected;
using state::Statement;

constexpr std::array<std::string_view, 1> kSteps = {R"sql(
CREATE TABLE pages(
  key        BLOB PRIMARY KEY,
  run        INTEGER NOT NULL,
  validator  TEXT NOT NULL,
  by_date    INTEGER NOT NULL,
  headers    BLOB NOT NULL,
  body       BLOB NOT NULL,
  body_bytes INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  digest     INTEGER NOT NULL
);
CREATE INDEX pages_by_run ON pages(run);
)sql"};
constexpr state::Schema kSchema{"pages", kSteps};

constexpr std::int64_t kRunsKept = 10;
/// What a page takes beside its bytes, about.
constexpr std::uint64_t kRowBytes = 256;
/// Listings are text that repeats itself: more effort gains a few per cent for several times the CPU.
constexpr int kEffort = 1;
constexpr int kPagesAtOnce = 64;

std::string bytes_of(const Digest& digest) {
  std::string bytes(sizeof digest.low + sizeof digest.high, '\0');
  std::memcpy(bytes.data(), &digest.low, sizeof digest.low);
  std::memcpy(bytes.data() + sizeof digest.low, &digest.high, sizeof digest.high);
  return bytes;
}

std::optional<Digest> digest_from(std::string_view bytes) {
  Digest digest;
  if (bytes.size() != sizeof digest.low + sizeof digest.high) return std::nullopt;
  std::memcpy(&digest.low, bytes.data(), sizeof digest.low);
  std::memcpy(&digest.high, bytes.data() + sizeof digest.low, sizeof digest.high);
  return digest;
}

std::string packed(const std::vector<Header>& headers) {
  std::string text;
  for (const Header& header : headers) text.append(header.name).append("\n").append(header.value).append("\n");
  return text;
}

std::vector<Header> unpacked(std::string_view text) {
  std::vector<Header> headers;
  const auto line = [&] {
    const std::string_view found = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), found.size() + 1));
    return std::string(found);
  };
  while (!text.empty()) {
    Header& header = headers.emplace_back();
    header.name = line();
    header.value = line();
  }
  return headers;
}

std::int64_t digest_of(std::string_view validator, std::string_view headers, std::string_view body) {
  const XXH64_hash_t parts[] = {XXH3_64bits(validator.data(), validator.size()),
                                XXH3_64bits(headers.data(), headers.size()), XXH3_64bits(body.data(), body.size())};
  return static_cast<std::int64_t>(XXH3_64bits(parts, sizeof parts));
}

bool deflate_into(std::string_view plain, std::string& packed) {
  uLongf bytes = compressBound(static_cast<uLong>(plain.size()));
  packed.resize(bytes);
  const int code = compress2(reinterpret_cast<Bytef*>(packed.data()), &bytes,
                             reinterpret_cast<const Bytef*>(plain.data()), static_cast<uLong>(plain.size()), kEffort);
  packed.resize(code == Z_OK ? bytes : 0);
  return code == Z_OK;
}

/// False unless exactly so many bytes come of it.
bool inflate_into(std::string_view packed, std::size_t expected, pipeline::PageBuffer& page) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  struct End {
    z_stream& stream;
    ~End() { inflateEnd(&stream); }
  } const end{stream};
  page.reserve(expected);
  std::array<char, 32u << 10> out;
  // zlib does not write to its input; a blob of SQLite is under 2 GB.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    code = inflate(&stream, Z_NO_FLUSH);
    const std::size_t came = out.size() - stream.avail_out;
    if (page.size() + came > expected) return false;
    page.append({out.data(), came});
    if (code == Z_OK && came == 0 && stream.avail_in == 0) return false;
  }
  return code == Z_STREAM_END && page.size() == expected;
}

}  // namespace

Result<std::unique_ptr<PageArchive>> PageArchive::open(const std::string& path, const state::StateOwner& owner,
                                                       Limits limits, std::vector<Row>& rows) {
  auto file = state::StateFile::open(path, owner);
  if (!file) return unexpected(std::move(file).error());
  auto database = file->connect();
  if (!database) return unexpected(std::move(database).error());
  if (auto done = file->prepare(**database, kSchema); !done) return unexpected(std::move(done).error());
  std::unique_ptr<PageArchive> archive(new PageArchive(std::move(*database), limits));
  if (auto loaded = archive->load(rows); !loaded) return unexpected(std::move(loaded).error());
  return archive;
}

Result<void> PageArchive::load(std::vector<Row>& rows) {
  auto latest = database_->integer("SELECT max(run) FROM pages");
  if (!latest) return unexpected(std::move(latest).error());
  run_ = *latest + 1;
  if (auto done = begin(); !done) return done;
  if (auto done = database_->run(fmt::format("DELETE FROM pages WHERE run < {}", run_ - kRunsKept)); !done) return done;
  auto pages = database_->integer("SELECT count(*) FROM pages");
  auto bytes = database_->integer("SELECT coalesce(sum(size), 0) FROM pages");
  if (!pages) return unexpected(std::move(pages).error());
  if (!bytes) return unexpected(std::move(bytes).error());
  pages_ = static_cast<std::size_t>(*pages);
  bytes_ = static_cast<std::uint64_t>(*bytes);
  // The limits may have become lower.
  const std::uint64_t before = bytes_;
  std::vector<Digest> gone;
  if (auto made = make_room(0, gone); !made) return unexpected(std::move(made).error());
  if (auto done = commit(); !done) return done;
  if (bytes_ < before) {
    if (auto done = database_->run("VACUUM"); !done) return done;
  }
  auto all = database_->prepare("SELECT key, validator, by_date, body_bytes FROM pages");
  if (!all) return unexpected(std::move(all).error());
  while (true) {
    auto row = all->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return {};
    const auto key = digest_from(all->bytes(0));
    if (!key) continue;
    rows.push_back(
        {*key, {std::string(all->text(1)), all->integer(2) != 0}, static_cast<std::size_t>(all->integer(3))});
  }
}

Result<void> PageArchive::begin() {
  if (transaction_) return {};
  auto transaction = state::Transaction::begin(*database_);
  if (!transaction) return unexpected(std::move(transaction).error());
  transaction_.emplace(std::move(*transaction));
  return {};
}

Result<void> PageArchive::commit() {
  if (!transaction_) return {};
  auto done = transaction_->commit();
  transaction_.reset();
  return done;
}

Result<void> PageArchive::drop(const Digest& key) {
  const std::string bytes = bytes_of(key);
  auto select = database_->prepare("SELECT size FROM pages WHERE key = ?1");
  if (!select) return unexpected(std::move(select).error());
  select->bind_bytes(1, bytes);
  auto row = select->step();
  if (!row) return unexpected(std::move(row).error());
  if (!*row) return {};
  bytes_ -= std::min(bytes_, static_cast<std::uint64_t>(select->integer(0)));
  --pages_;
  auto remove = database_->prepare("DELETE FROM pages WHERE key = ?1");
  if (!remove) return unexpected(std::move(remove).error());
  remove->bind_bytes(1, bytes);
  return remove->run();
}

/// Gives up what earlier runs asked for last, the longest ago first. False if that is not enough.
Result<bool> PageArchive::make_room(std::uint64_t bytes, std::vector<Digest>& gone) {
  const std::size_t more = bytes == 0 ? 0 : 1;
  while (bytes_ + bytes > limits_.bytes || pages_ + more > limits_.pages) {
    std::vector<Digest> oldest;
    {
      auto select = database_->prepare(
          fmt::format("SELECT key FROM pages WHERE run < {} ORDER BY run LIMIT {}", run_, kPagesAtOnce));
      if (!select) return unexpected(std::move(select).error());
      while (true) {
        auto row = select->step();
        if (!row) return unexpected(std::move(row).error());
        if (!*row) break;
        if (const auto key = digest_from(select->bytes(0))) oldest.push_back(*key);
      }
    }
    if (oldest.empty()) return false;
    for (const Digest& key : oldest) {
      if (bytes_ + bytes <= limits_.bytes && pages_ + more <= limits_.pages) break;
      if (auto done = drop(key); !done) return unexpected(std::move(done).error());
      gone.push_back(key);
    }
  }
  return true;
}

Result<bool> PageArchive::put(const Row& row, const std::vector<Header>& headers, std::string_view body,
                              std::vector<Digest>& gone) {
  if (!deflate_into(body, packed_)) return false;
  const std::string head = packed(headers);
  const std::uint64_t size = packed_.size() + head.size() + row.validator.text.size() + kRowBytes;
  // One page must not take the place of all others.
  if (size > limits_.bytes / 4) return false;
  if (auto done = begin(); !done) return unexpected(std::move(done).error());
  if (auto done = drop(row.key); !done) return unexpected(std::move(done).error());
  auto room = make_room(size, gone);
  if (!room || !*room) return room;
  auto insert = database_->prepare("INSERT INTO pages VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  if (!insert) return unexpected(std::move(insert).error());
  const std::string key = bytes_of(row.key);
  insert->bind_bytes(1, key);
  insert->bind_integer(2, run_);
  insert->bind(3, std::string_view(row.validator.text));
  insert->bind_integer(4, row.validator.by_date ? 1 : 0);
  insert->bind_bytes(5, head);
  insert->bind_bytes(6, packed_);
  insert->bind_integer(7, static_cast<std::int64_t>(row.body_bytes));
  insert->bind_integer(8, static_cast<std::int64_t>(size));
  insert->bind_integer(9, digest_of(row.validator.text, head, packed_));
  if (auto done = insert->run(); !done) return unexpected(std::move(done).error());
  bytes_ += size;
  ++pages_;
  return true;
}

Result<std::optional<PageArchive::Stored>> PageArchive::take(const Row& row,
                                                             std::shared_ptr<pipeline::PageBuffer> buffer) {
  if (auto done = begin(); !done) return unexpected(std::move(done).error());
  const std::string key = bytes_of(row.key);
  bool whole = false;
  Stored stored;
  {
    auto select =
        database_->prepare("SELECT validator, by_date, headers, body, body_bytes, digest FROM pages WHERE key = ?1");
    if (!select) return unexpected(std::move(select).error());
    select->bind_bytes(1, key);
    auto found = select->step();
    if (!found) return unexpected(std::move(found).error());
    if (!*found) return std::optional<Stored>();
    // Another version than the one that the server was asked about is no answer, and not damaged either.
    if (select->text(0) != row.validator.text || (select->integer(1) != 0) != row.validator.by_date) {
      return std::optional<Stored>();
    }
    whole = select->integer(5) == digest_of(select->text(0), select->bytes(2), select->bytes(3)) &&
            static_cast<std::size_t>(select->integer(4)) == row.body_bytes &&
            inflate_into(select->bytes(3), row.body_bytes, *buffer);
    if (whole) stored.headers = unpacked(select->bytes(2));
  }
  if (!whole) {
    if (auto done = drop(row.key); !done) return unexpected(std::move(done).error());
    return std::optional<Stored>();
  }
  auto mark = database_->prepare("UPDATE pages SET run = ?1 WHERE key = ?2");
  if (!mark) return unexpected(std::move(mark).error());
  mark->bind_integer(1, run_);
  mark->bind_bytes(2, key);
  if (auto done = mark->run(); !done) return unexpected(std::move(done).error());
  stored.body = std::move(buffer);
  return std::optional<Stored>(std::move(stored));
}

}  // namespace riptide::stages
