#include "riptide/state/digest_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "digest_blocks.hpp"
#include "digest_entry.hpp"
#include "digest_journal.hpp"
#include "digest_table.hpp"

namespace riptide::state {
namespace {

using pipeline::Digest;
using pipeline::Result;
using pipeline::unexpected;

constexpr std::array<std::string_view, 1> kSteps = {R"sql(
CREATE TABLE digest_state(
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE digest_blocks(
  id      INTEGER PRIMARY KEY,  -- number of the blocks << 32 + place
  entries BLOB NOT NULL         -- up to 100 entries of 40 bytes, sorted
);
CREATE TABLE digest_journal(
  id      INTEGER PRIMARY KEY,
  entries BLOB NOT NULL         -- up to 100 entries of 40 bytes, newer than the blocks
);
CREATE TABLE digest_scopes(
  number    INTEGER PRIMARY KEY,
  kind      TEXT NOT NULL,
  partition TEXT NOT NULL
);
CREATE TABLE digest_found(
  identity   BLOB PRIMARY KEY,  -- of the entity as it was mapped, with a search for its identifier
  blueprint  TEXT NOT NULL,     -- what the target found
  identifier TEXT NOT NULL
) WITHOUT ROWID;
)sql"};
constexpr Schema kSchema{"digests", kSteps};

/// Of memory for one entry in the table, at most.
constexpr std::size_t kBytesPerEntry = 57;
/// So many entries may lie in the journal before all is written anew: reading them costs the next run little.
constexpr std::size_t kShortJournal = 10'000;
constexpr std::size_t kJournalShare = 8;
/// Noted presences that are looked up on disk together, in order.
constexpr std::size_t kListedTogether = 1u << 17;
constexpr std::size_t kDropsTogether = 8192;

struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept { return static_cast<std::size_t>(digest.low); }
};

DigestEntry on_disk(DigestEntry entry) noexcept {
  const bool gone = entry.is(DigestEntry::kGone);
  entry.clear(DigestEntry::kFlags);
  if (gone) entry.set(DigestEntry::kGone);
  return entry;
}

}  // namespace

struct DigestStore::Impl {
  explicit Impl(Options store_options) : options(store_options) {}
  ~Impl() { journal.reset(); }

  const Options options;
  std::uint32_t generation = 1;
  std::int64_t number = 0;  ///< Of the blocks that stand.
  std::size_t known_at_open = 0;

  std::unique_ptr<Database> database;  ///< The journal's, while its thread runs.
  std::unique_ptr<Database> reader;    ///< Guarded by disk_mutex.

  DigestTable table;
  std::atomic<std::size_t> in_table{0};
  std::atomic<bool> spilled{false};  ///< Changes only with all shards locked.
  std::atomic<bool> relieving{false};
  std::atomic<std::size_t> relieve_above{options.memory_bytes / kBytesPerEntry};
  std::atomic<bool> trusted{false};  ///< The listing is complete.

  mutable std::mutex disk_mutex;  ///< Taken inside a shard's. Guards these five.
  bool evicted = false;           ///< The journal may know what neither table nor blocks do.
  std::optional<DigestBlocks> blocks;
  std::vector<bool> present;  ///< By position in the blocks: the target has it.
  std::vector<bool> seen;     ///< Read in this run.
  std::vector<bool> touched;  ///< The blocks do not say the truth any more.

  mutable std::mutex scopes_mutex;  ///< Guards the two below.
  std::unordered_map<std::uint32_t, std::pair<std::string, std::string>> scope_names;
  std::map<std::pair<std::string, std::string>, std::uint32_t> scopes;

  std::mutex found_mutex;                                ///< Guards the two below.
  std::unordered_map<Digest, Digest, DigestHash> found;  ///< Of searches: identity as mapped -> what was found.
  std::unordered_map<Digest, std::vector<Digest>, DigestHash> found_by;

  std::vector<Digest> listed;  ///< Noted, not looked up yet.

  std::unique_ptr<DigestJournal> journal;

  // ---- opening
  // -------------------------------------------------------------------------------------------------------

  Result<std::int64_t> state_value(std::string_view name) const {
    auto statement = database->prepare("SELECT value FROM digest_state WHERE name = ?1");
    if (!statement) return unexpected(std::move(statement).error());
    statement->bind(1, name);
    auto row = statement->step();
    if (!row) return unexpected(std::move(row).error());
    return *row ? statement->integer(0) : std::int64_t{0};
  }

  Result<void> set_state_value(std::string_view name, std::int64_t value) const {
    auto statement = database->prepare("INSERT OR REPLACE INTO digest_state(name, value) VALUES(?1, ?2)");
    if (!statement) return unexpected(std::move(statement).error());
    statement->bind(1, name);
    statement->bind_integer(2, value);
    return statement->run();
  }

  Result<std::size_t> entries_in_journal() const {
    auto sum = database->integer("SELECT coalesce(sum(length(entries)), 0) FROM digest_journal");
    if (!sum) return unexpected(std::move(sum).error());
    return static_cast<std::size_t>(*sum) / sizeof(DigestEntry);
  }

  Result<void> open(const StateFile& file) {
    for (auto* connection : {&database, &reader}) {
      auto connected = file.connect();
      if (!connected) return unexpected(std::move(connected).error());
      *connection = std::move(*connected);
    }
    if (auto done = file.prepare(*database, kSchema); !done) return done;
    auto blocks_number = state_value("blocks");
    if (!blocks_number) return unexpected(std::move(blocks_number).error());
    number = *blocks_number;
    auto last = state_value("generation");
    if (!last) return unexpected(std::move(last).error());
    generation = static_cast<std::uint32_t>(*last + 1) % DigestEntry::kMostGenerations;
    if (options.use == Options::Use::kRun) {
      // Before anything is confirmed in it: no two runs may have the same.
      if (auto done = set_state_value("generation", generation); !done) return done;
      if (auto done = drop_other_blocks(); !done) return done;
    }
    if (auto done = load_names(); !done) return done;
    if (auto done = load_digests(); !done) return done;
    if (options.use == Options::Use::kRun) journal = std::make_unique<DigestJournal>(*database, options.linger);
    return {};
  }

  /// What a run that was broken off has left.
  Result<void> drop_other_blocks() const {
    return database->run(
        fmt::format("DELETE FROM digest_blocks WHERE id < {} OR id >= {}", number << 32, (number + 1) << 32));
  }

  Result<void> load_names() {
    auto names = database->prepare("SELECT number, kind, partition FROM digest_scopes");
    if (!names) return unexpected(std::move(names).error());
    while (true) {
      auto row = names->step();
      if (!row) return unexpected(std::move(row).error());
      if (!*row) break;
      const std::pair name(std::string(names->text(1)), std::string(names->text(2)));
      const auto number_of_scope = static_cast<std::uint32_t>(names->integer(0));
      scopes.emplace(name, number_of_scope);
      scope_names.emplace(number_of_scope, name);
    }
    auto rows = database->prepare("SELECT identity, blueprint, identifier FROM digest_found");
    if (!rows) return unexpected(std::move(rows).error());
    while (true) {
      auto row = rows->step();
      if (!row) return unexpected(std::move(row).error());
      if (!*row) return {};
      Digest identity;
      const std::string_view bytes = rows->bytes(0);
      if (bytes.size() != sizeof(identity)) continue;
      std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(&identity));
      remember_found(identity, pipeline::identity_digest(rows->text(1), rows->text(2)));
    }
  }

  void remember_found(const Digest& identity, const Digest& what) {
    const auto [at, is_new] = found.insert_or_assign(identity, what);
    (void)at;
    (void)is_new;
    auto& by = found_by[what];
    if (std::find(by.begin(), by.end(), identity) == by.end()) by.push_back(identity);
  }

  [[nodiscard]] bool fits(std::size_t entries) const noexcept {
    return entries * kBytesPerEntry <= options.memory_bytes;
  }

  Result<void> load_digests() {
    auto rows = database->integer("SELECT count(*) FROM digest_blocks WHERE id >= " + std::to_string(number << 32) +
                                  " AND id < " + std::to_string((number + 1) << 32));
    if (!rows) return unexpected(std::move(rows).error());
    auto journalled = entries_in_journal();
    if (!journalled) return unexpected(std::move(journalled).error());
    const std::size_t in_blocks = static_cast<std::size_t>(*rows) * DigestBlocks::kEntriesPerBlock;
    if (fits(in_blocks + *journalled)) return load_into_table(in_blocks + *journalled);
    return work_from_disk(*journalled);
  }

  Result<void> load_into_table(std::size_t entries) {
    for (auto& shard : table.shards()) shard.reserve(entries / kDigestShards);
    DigestBlocks stored(*database, number);
    auto loaded = stored.load([&](std::span<const DigestEntry> some) {
      for (const DigestEntry& entry : some) replay(entry);
    });
    if (!loaded) return loaded;
    if (auto done = DigestJournal::each(*database, [&](const DigestEntry& entry) { replay(entry); }); !done)
      return done;
    for (auto& shard : table.shards()) {
      shard.each([&](const DigestEntry& entry) { known_at_open += entry.known() ? 1 : 0; });
    }
    return {};
  }

  /// Enters what the file says, later over earlier.
  void replay(const DigestEntry& said) {
    auto& shard = table.shard_of(said.identity);
    DigestEntry* entry = shard.find(said.identity);
    if (entry == nullptr) {
      entry = &shard.add(said);
      in_table.fetch_add(1, std::memory_order_relaxed);
    }
    *entry = on_disk(said);
    if (entry->known()) entry->set(DigestEntry::kOnDisk);
  }

  Result<void> work_from_disk(std::size_t journalled) {
    if (!fits(2 * journalled) && options.use == Options::Use::kRun) {
      if (auto done = merge_on_disk(); !done) return done;
    }
    if (auto done = use_blocks(); !done) return done;
    Result<void> marked;
    auto read = DigestJournal::each(*database, [&](const DigestEntry& entry) {
      replay(entry);
      auto in_blocks = blocks->find(entry.identity);
      if (!in_blocks) {
        if (marked) marked = unexpected(std::move(in_blocks).error());
      } else if (*in_blocks) {
        touched[(*in_blocks)->position] = true;
      }
    });
    if (read) read = marked;
    known_at_open = blocks->size();
    spilled.store(true);
    return read;
  }

  /// Takes the blocks that stand for looking up.
  Result<void> use_blocks() {
    blocks.emplace(*reader, number);
    if (auto loaded = blocks->load(nullptr); !loaded) return loaded;
    present.assign(blocks->size(), false);
    seen.assign(blocks->size(), false);
    touched.assign(blocks->size(), false);
    return {};
  }

  // ---- during the run
  // ------------------------------------------------------------------------------------------------

  void take_back(const DigestEntry& entry) {
    DigestEntry gone = on_disk(entry);
    gone.set(DigestEntry::kGone);
    journal->write(gone);
  }

  /// Whether what is known of an entity may be relied on: the target has it.
  [[nodiscard]] bool stands(const DigestEntry& entry, bool is_present) const noexcept {
    return entry.generation() == generation || (is_present && trusted.load(std::memory_order_acquire));
  }

  std::optional<Digest> found_of(const Digest& identity) {
    const std::lock_guard lock(found_mutex);
    const auto at = found.find(identity);
    return at == found.end() ? std::nullopt : std::optional(at->second);
  }

  /// Answers one question; true if something was taken back on disk.
  Result<bool> ask(const Question& question, Answer& answer) {
    answer = {};
    if (question.by_search) answer.found = found_of(question.identity);
    const bool found_is_known = !question.by_search || answer.found.has_value();
    auto& shard = table.shard_of(question.identity);
    const std::lock_guard lock(shard.mutex);
    DigestEntry* entry = shard.find(question.identity);
    if (question.always_sent) return take_back_if_known(question.identity, entry);
    if (entry == nullptr) {
      bool taken_back = false;
      if (spilled.load(std::memory_order_relaxed)) {
        auto on_disk_says = ask_blocks(question, found_is_known, answer.unchanged);
        if (!on_disk_says) return on_disk_says;
        if (answer.unchanged) return false;
        taken_back = *on_disk_says;
      }
      DigestEntry sent{question.identity, question.contents, question.scope, 0};
      sent.set(DigestEntry::kPending | DigestEntry::kSeen);
      shard.add(sent);
      in_table.fetch_add(1, std::memory_order_relaxed);
      return taken_back;
    }
    entry->set(DigestEntry::kSeen);
    if (entry->known() && entry->contents == question.contents && found_is_known &&
        stands(*entry, entry->is(DigestEntry::kPresent))) {
      answer.unchanged = true;
      return false;
    }
    if (entry->is(DigestEntry::kPending) && !(entry->contents == question.contents)) {
      entry->set(DigestEntry::kContested);
    }
    const bool take = entry->is(DigestEntry::kOnDisk);
    if (take) take_back(*entry);
    entry->clear(DigestEntry::kOnDisk | DigestEntry::kGone);
    entry->set(DigestEntry::kPending);
    entry->contents = question.contents;
    return take;
  }

  /// With the shard locked.
  Result<bool> take_back_if_known(const Digest& identity, DigestEntry* entry) {
    if (entry != nullptr) {
      const bool take = entry->is(DigestEntry::kOnDisk);
      if (take) take_back(*entry);
      entry->clear(DigestEntry::kOnDisk | DigestEntry::kPending | DigestEntry::kPresent);
      entry->set(DigestEntry::kGone);
      return take;
    }
    if (!spilled.load(std::memory_order_relaxed)) return false;
    const std::lock_guard disk(disk_mutex);
    auto in_blocks = blocks->find(identity);
    if (!in_blocks) return unexpected(std::move(in_blocks).error());
    if (!*in_blocks && !evicted) return false;
    if (*in_blocks) touched[(*in_blocks)->position] = true;
    take_back(*in_blocks ? (*in_blocks)->entry : DigestEntry{identity, {}, 0, 0});
    return true;
  }

  Result<bool> ask_blocks(const Question& question, bool found_is_known, bool& unchanged) {
    const std::lock_guard lock(disk_mutex);
    auto in_blocks = blocks->find(question.identity);
    if (!in_blocks) return unexpected(std::move(in_blocks).error());
    if (!*in_blocks) return false;
    const auto& [entry, position] = **in_blocks;
    if (!touched[position] && entry.contents == question.contents && found_is_known &&
        stands(entry, present[position])) {
      seen[position] = true;
      unchanged = true;
      return false;
    }
    // What was sent before in this run may lie in the journal: that is taken back too.
    touched[position] = true;
    take_back(entry);
    return true;
  }

  void confirm(const Question& sent, std::string_view found_blueprint, std::string_view found_identifier) {
    const bool found_is_known = !sent.by_search || !found_identifier.empty();
    if (sent.by_search && found_is_known) {
      const std::lock_guard lock(found_mutex);
      remember_found(sent.identity, pipeline::identity_digest(found_blueprint, found_identifier));
      journal->write(
          DigestJournal::FoundName{sent.identity, std::string(found_blueprint), std::string(found_identifier)});
    }
    auto& shard = table.shard_of(sent.identity);
    const std::lock_guard lock(shard.mutex);
    DigestEntry* const entry = shard.find(sent.identity);
    if (entry == nullptr) return;
    if (!entry->is(DigestEntry::kPending)) return;
    if (!(entry->contents == sent.contents)) entry->set(DigestEntry::kContested);
    if (entry->is(DigestEntry::kContested) || !found_is_known) {
      entry->clear(DigestEntry::kPending);
      entry->set(DigestEntry::kGone);
      return;
    }
    entry->scope = sent.scope;
    entry->word = generation << DigestEntry::kFlagBits;
    entry->set(DigestEntry::kPresent | DigestEntry::kSeen | DigestEntry::kOnDisk);
    journal->write(on_disk(*entry));
  }

  void give_up(const Digest& identity) {
    auto& shard = table.shard_of(identity);
    const std::lock_guard lock(shard.mutex);
    DigestEntry* const entry = shard.find(identity);
    // The disk was told when the entity was sent.
    if (entry == nullptr || !entry->is(DigestEntry::kPending)) return;
    entry->clear(DigestEntry::kPending | DigestEntry::kPresent);
    entry->set(DigestEntry::kGone);
  }

  Result<void> forget(const Digest& identity) {
    auto& shard = table.shard_of(identity);
    const std::lock_guard lock(shard.mutex);
    auto done = take_back_if_known(identity, shard.find(identity));
    if (!done) return unexpected(std::move(done).error());
    return {};
  }

  Result<std::uint32_t> scope_number_of(const Digest& identity) {
    auto& shard = table.shard_of(identity);
    const std::lock_guard lock(shard.mutex);
    if (const DigestEntry* const entry = shard.find(identity); entry != nullptr) {
      return entry->known() ? entry->scope : 0;
    }
    if (!spilled.load(std::memory_order_relaxed)) return 0u;
    const std::lock_guard disk(disk_mutex);
    auto in_blocks = blocks->find(identity);
    if (!in_blocks) return unexpected(std::move(in_blocks).error());
    return *in_blocks && !touched[(*in_blocks)->position] ? (*in_blocks)->entry.scope : 0;
  }

  // ---- presence
  // ------------------------------------------------------------------------------------------------------

  Result<void> note_present(const Digest& identity) {
    listed.push_back(identity);
    return listed.size() < kListedTogether ? Result<void>() : enter_listed();
  }

  Result<void> enter_listed() {
    // In the order on disk, a block is read once.
    std::sort(listed.begin(), listed.end(), before);
    for (const Digest& identity : listed) {
      if (auto done = enter_present(identity); !done) return done;
      const std::lock_guard lock(found_mutex);
      if (found_by.empty()) continue;
      const auto by = found_by.find(identity);
      if (by == found_by.end()) continue;
      for (const Digest& mapped : by->second) {
        if (auto done = enter_present(mapped); !done) return done;
      }
    }
    listed.clear();
    return {};
  }

  Result<void> enter_present(const Digest& identity) {
    auto& shard = table.shard_of(identity);
    const std::lock_guard lock(shard.mutex);
    if (DigestEntry* const entry = shard.find(identity); entry != nullptr) {
      entry->set(DigestEntry::kPresent);
      return {};
    }
    if (!spilled.load(std::memory_order_relaxed)) return {};
    const std::lock_guard disk(disk_mutex);
    auto in_blocks = blocks->find(identity);
    if (!in_blocks) return unexpected(std::move(in_blocks).error());
    if (*in_blocks) present[(*in_blocks)->position] = true;
    return {};
  }

  // ---- when the memory does not do
  // -----------------------------------------------------------------------------------

  void relieve_if_needed() {
    if (in_table.load(std::memory_order_relaxed) <= relieve_above.load(std::memory_order_relaxed)) return;
    if (relieving.exchange(true, std::memory_order_acq_rel)) return;
    journal->run([this] {
      auto done = spilled.load() ? evict() : spill();
      // What is on its way cannot go: with little memory that is most of it.
      relieve_above.store(std::max(options.memory_bytes / kBytesPerEntry, 2 * in_table.load()));
      relieving.store(false, std::memory_order_release);
      return done;
    });
  }

  /// Puts everything that is known into blocks and works from there. On the journal's thread; all wait meanwhile, once.
  Result<void> spill() {
    std::vector<std::unique_lock<std::mutex>> locks;
    for (auto& shard : table.shards()) locks.emplace_back(shard.mutex);
    // What was journalled since is in the table too.
    if (auto done = write_table(); !done) return done;
    const std::lock_guard disk(disk_mutex);
    if (auto done = use_blocks(); !done) return done;
    std::size_t position = 0;
    std::size_t left = 0;
    for (auto& shard : table.shards()) {
      for (const DigestEntry& entry : shard.sorted()) {
        if (!entry.known()) continue;
        present[position] = entry.is(DigestEntry::kPresent);
        seen[position] = entry.is(DigestEntry::kSeen);
        ++position;
      }
      left += drop_settled(shard);
    }
    in_table.store(left);
    spilled.store(true);
    return drop_other_blocks();
  }

  static std::size_t drop_settled(DigestTable::Shard& shard) {
    shard.keep_only(
        [](const DigestEntry& entry) { return entry.is(DigestEntry::kPending) || entry.is(DigestEntry::kContested); });
    return shard.size();
  }

  /// Lets go of what is settled: the journal has it, and `touched` says that the blocks have not.
  Result<void> evict() {
    std::size_t left = 0;
    for (auto& shard : table.shards()) {
      const std::lock_guard lock(shard.mutex);
      left += drop_settled(shard);
    }
    in_table.store(left);
    const std::lock_guard disk(disk_mutex);
    evicted = true;
    return {};
  }

  // ---- the end
  // -------------------------------------------------------------------------------------------------------

  Result<void> finish(Ending how) {
    if (auto stopped = journal->stop(); !stopped) return stopped;
    if (how == Ending::kWholeRun && trusted.load()) {
      if (auto done = drop_unheard_of(); !done) return done;
    }
    auto journalled = entries_in_journal();
    if (!journalled) return unexpected(std::move(journalled).error());
    const std::size_t all = spilled.load() ? blocks->size() : table.size();
    if (*journalled <= std::max(kShortJournal, all / kJournalShare)) return {};
    if (spilled.load()) {
      if (auto done = merge_on_disk(); !done) return done;
    } else {
      if (auto done = write_table(); !done) return done;
    }
    return drop_other_blocks();
  }

  /// Forgets what was neither read nor is in the target.
  Result<void> drop_unheard_of() {
    std::vector<DigestEntry> gone;
    Result<void> done;
    const auto drop = [&](DigestEntry entry) {
      entry = on_disk(entry);
      entry.set(DigestEntry::kGone);
      gone.push_back(entry);
      if (gone.size() >= kDropsTogether && done) done = append(gone);
    };
    for (auto& shard : table.shards()) {
      shard.each([&](DigestEntry& entry) {
        if (!entry.known() || entry.is(DigestEntry::kSeen) || entry.is(DigestEntry::kPresent)) return;
        drop(entry);
        entry.set(DigestEntry::kGone);
      });
    }
    if (spilled.load()) {
      std::size_t position = 0;
      auto walked = blocks->each_of_shards(0, kDigestShards - 1, [&](const DigestEntry& entry) {
        if (!seen[position] && !present[position] && !touched[position]) drop(entry);
        ++position;
      });
      if (!walked) return walked;
    }
    if (done) done = append(gone);
    return done;
  }

  Result<void> append(std::vector<DigestEntry>& entries) {
    if (entries.empty()) return {};
    auto transaction = Transaction::begin(*database);
    if (!transaction) return unexpected(std::move(transaction).error());
    if (auto done = DigestJournal::append(*database, entries); !done) return done;
    entries.clear();
    return transaction->commit();
  }

  /// Makes blocks of everything that is known in the table, in place of blocks and journal.
  Result<void> write_table() {
    auto writer = DigestBlockWriter::begin(*database, number + 1);
    if (!writer) return unexpected(std::move(writer).error());
    for (auto& shard : table.shards()) {
      for (const DigestEntry& entry : shard.sorted()) {
        if (!entry.known()) continue;
        if (auto done = writer->add(entry); !done) return done;
      }
    }
    return take_new_blocks(*writer);
  }

  /// Makes blocks of the old ones and the journal, in their place, within the memory: a part of the identities at a
  /// time.
  Result<void> merge_on_disk() {
    auto journalled = entries_in_journal();
    if (!journalled) return unexpected(std::move(journalled).error());
    DigestBlocks old(*reader, number);
    if (auto loaded = old.load(nullptr); !loaded) return loaded;
    auto writer = DigestBlockWriter::begin(*database, number + 1);
    if (!writer) return unexpected(std::move(writer).error());
    const std::size_t at_once = std::max<std::size_t>(1, options.memory_bytes / 2 / sizeof(DigestEntry));
    const std::size_t parts = std::min(kDigestShards, *journalled / at_once + 1);
    const std::size_t shards_a_part = (kDigestShards + parts - 1) / parts;
    for (std::size_t first = 0; first < kDigestShards; first += shards_a_part) {
      const std::size_t last = std::min(kDigestShards, first + shards_a_part) - 1;
      if (auto done = merge_part(old, first, last, *writer); !done) return done;
    }
    return take_new_blocks(*writer);
  }

  Result<void> merge_part(DigestBlocks& old, std::size_t first, std::size_t last, DigestBlockWriter& writer) {
    std::vector<DigestEntry> newer;
    auto read = DigestJournal::each(*database, [&](const DigestEntry& entry) {
      const std::size_t shard = digest_shard(entry.identity);
      if (shard >= first && shard <= last) newer.push_back(entry);
    });
    if (!read) return read;
    std::stable_sort(newer.begin(), newer.end(),
                     [](const DigestEntry& a, const DigestEntry& b) { return before(a.identity, b.identity); });
    Result<void> done;
    const auto add = [&](const DigestEntry& entry) {
      if (done && !entry.is(DigestEntry::kGone)) done = writer.add(entry);
    };
    std::size_t at = 0;
    // Of several about one identity the last one counts.
    const auto add_newer_before = [&](const Digest* limit) {
      while (at < newer.size() && (limit == nullptr || before(newer[at].identity, *limit))) {
        if (at + 1 == newer.size() || !(newer[at + 1].identity == newer[at].identity)) add(newer[at]);
        ++at;
      }
    };
    auto walked = old.each_of_shards(first, last, [&](const DigestEntry& entry) {
      add_newer_before(&entry.identity);
      if (at == newer.size() || !(newer[at].identity == entry.identity)) add(entry);
    });
    if (!walked) return walked;
    add_newer_before(nullptr);
    return done;
  }

  Result<void> take_new_blocks(DigestBlockWriter& writer) {
    if (auto done = writer.end(); !done) return done;
    auto transaction = Transaction::begin(*database);
    if (!transaction) return unexpected(std::move(transaction).error());
    if (auto done = set_state_value("blocks", number + 1); !done) return done;
    if (auto done = database->run("DELETE FROM digest_journal"); !done) return done;
    if (auto done = transaction->commit(); !done) return done;
    ++number;
    return {};
  }
};

DigestStore::DigestStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DigestStore::~DigestStore() = default;

Result<std::unique_ptr<DigestStore>> DigestStore::open(const StateFile& file, Options options) {
  auto impl = std::make_unique<Impl>(options);
  if (auto opened = impl->open(file); !opened) return unexpected(std::move(opened).error());
  return std::unique_ptr<DigestStore>(new DigestStore(std::move(impl)));
}

std::uint32_t DigestStore::scope(std::string_view kind, std::string_view partition) {
  const std::lock_guard lock(impl_->scopes_mutex);
  const auto [at, is_new] = impl_->scopes.emplace(std::pair(std::string(kind), std::string(partition)),
                                                  static_cast<std::uint32_t>(impl_->scopes.size() + 1));
  if (is_new) impl_->scope_names.emplace(at->second, at->first);
  if (is_new) impl_->journal->write(DigestJournal::ScopeName{at->second, at->first.first, at->first.second});
  return at->second;
}

Result<bool> DigestStore::ask(std::span<const Question> questions, std::span<Answer> answers) {
  bool any = false;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    auto taken_back = impl_->ask(questions[i], answers[i]);
    if (!taken_back) return taken_back;
    any = any || *taken_back;
  }
  impl_->relieve_if_needed();
  return any;
}

void DigestStore::when_written(std::function<void(const Result<void>&)> done) {
  impl_->journal->when_written(std::move(done));
}

void DigestStore::confirm(const Question& sent, std::string_view found_blueprint, std::string_view found_identifier) {
  impl_->confirm(sent, found_blueprint, found_identifier);
}

void DigestStore::give_up(const Digest& identity) { impl_->give_up(identity); }

Result<void> DigestStore::forget(const Digest& identity) { return impl_->forget(identity); }

Result<std::optional<std::pair<std::string, std::string>>> DigestStore::scope_of(const Digest& identity) {
  auto number = impl_->scope_number_of(identity);
  if (!number) return unexpected(std::move(number).error());
  std::optional<std::pair<std::string, std::string>> name;
  if (*number != 0) name = scope_name(*number);
  return name;
}

Result<void> DigestStore::note_present(const Digest& identity) { return impl_->note_present(identity); }

Result<void> DigestStore::listing_ended(Listing how) {
  auto done = impl_->enter_listed();
  impl_->listed = {};
  impl_->trusted.store(done && how == Listing::kComplete, std::memory_order_release);
  return done;
}

Result<void> DigestStore::finish(Ending how) { return impl_->finish(how); }

Result<void> DigestStore::each(const std::function<void(const Known&)>& visit) {
  const auto show = [&](const DigestEntry& entry) {
    if (!entry.known()) return;
    const Digest found = impl_->found_of(entry.identity).value_or(entry.identity);
    visit({entry.identity, entry.contents, found, entry.scope, entry.generation()});
  };
  for (auto& shard : impl_->table.shards()) {
    const std::lock_guard lock(shard.mutex);
    shard.each(show);
  }
  if (!impl_->spilled.load()) return {};
  const std::lock_guard disk(impl_->disk_mutex);
  std::size_t position = 0;
  return impl_->blocks->each_of_shards(0, kDigestShards - 1, [&](const DigestEntry& entry) {
    if (!impl_->touched[position]) show(entry);
    ++position;
  });
}

std::pair<std::string, std::string> DigestStore::scope_name(std::uint32_t scope) const {
  const std::lock_guard lock(impl_->scopes_mutex);
  const auto at = impl_->scope_names.find(scope);
  return at == impl_->scope_names.end() ? std::pair<std::string, std::string>() : at->second;
}

std::size_t DigestStore::size() const { return impl_->known_at_open; }

std::size_t DigestStore::bytes() const {
  std::size_t sum = impl_->table.bytes();
  const std::lock_guard lock(impl_->disk_mutex);
  if (impl_->blocks) sum += impl_->blocks->bytes();
  return sum + (impl_->present.capacity() + impl_->seen.capacity() + impl_->touched.capacity()) / 8;
}

bool DigestStore::spilled() const { return impl_->spilled.load(); }

}  // namespace riptide::state
