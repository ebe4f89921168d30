#include "riptide/state/digest_store.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "digest_blocks.hpp"
#include "digest_entry.hpp"
#include "digest_file.hpp"
#include "digest_journal.hpp"
#include "digest_table.hpp"
#include "found_identities.hpp"
#include "scope_numbers.hpp"
#include "sent_log.hpp"

namespace riptide::state {
namespace {

using pipeline::Digest;
using pipeline::Result;
using pipeline::unexpected;

/// Of memory for one entry in the table, at most.
constexpr std::size_t kBytesPerEntry = 57;
/// So many entries may lie in the journal before all is written anew: reading them costs the next run little.
constexpr std::size_t kShortJournal = 10'000;
constexpr std::size_t kJournalShare = 8;
/// Noted presences that are looked up on disk together, in order.
constexpr std::size_t kListedTogether = 1u << 17;
constexpr std::size_t kDropsTogether = 8192;
/// Records of what was sent that a run may look up on disk to find out whether they still count.
constexpr std::size_t kLookedUpOnDisk = 2'000'000;

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
  DigestFile file;  ///< Its reader is guarded by disk_mutex.
  std::uint32_t generation = 1;
  std::size_t known_at_open = 0;

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

  ScopeNumbers scopes;
  FoundIdentities found;
  ShapeNumbers shapes;
  std::int64_t first_sent_row = 1;           ///< Of this run.
  std::atomic<std::size_t> sent_records{0};  ///< Of this run.

  std::vector<Digest> listed;  ///< Noted, not looked up yet.

  std::unique_ptr<DigestJournal> journal;

  // ---- opening
  // -------------------------------------------------------------------------------------------------------

  Result<void> open(const StateFile& state_file) {
    const bool runs = options.use == Options::Use::kRun;
    if (auto done = file.open(state_file, runs ? DigestFile::Opening::kRun : DigestFile::Opening::kLook); !done) {
      return done;
    }
    generation = file.generation();
    if (auto done = scopes.load(file.writer()); !done) return done;
    if (auto done = found.load(file.writer()); !done) return done;
    if (auto done = shapes.load(file.writer()); !done) return done;
    auto next = next_sent_row(file.writer());
    if (!next) return unexpected(std::move(next).error());
    first_sent_row = *next;
    if (auto done = load_digests(); !done) return done;
    if (runs) journal = std::make_unique<DigestJournal>(file.writer(), options.linger);
    return {};
  }

  [[nodiscard]] bool fits(std::size_t entries) const noexcept {
    return entries * kBytesPerEntry <= options.memory_bytes;
  }

  Result<void> load_digests() {
    auto rows = file.count_blocks();
    if (!rows) return unexpected(std::move(rows).error());
    auto journalled = file.entries_in_journal();
    if (!journalled) return unexpected(std::move(journalled).error());
    const std::size_t in_blocks = *rows * DigestBlocks::kEntriesPerBlock;
    if (fits(in_blocks + *journalled)) return load_into_table(in_blocks + *journalled);
    return work_from_disk(*journalled);
  }

  Result<void> load_into_table(std::size_t entries) {
    for (auto& shard : table.shards()) shard.reserve(entries / kDigestShards);
    DigestBlocks stored(file.writer(), file.blocks_number());
    auto loaded = stored.load([&](std::span<const DigestEntry> some) {
      for (const DigestEntry& entry : some) replay(entry);
    });
    if (!loaded) return loaded;
    if (auto done = DigestJournal::each(file.writer(), [&](const DigestEntry& entry) { replay(entry); }); !done)
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
      if (auto done = file.merge(options.memory_bytes); !done) return done;
    }
    if (auto done = use_blocks(); !done) return done;
    Result<void> marked;
    auto read = DigestJournal::each(file.writer(), [&](const DigestEntry& entry) {
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
    blocks.emplace(file.reader(), file.blocks_number());
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

  /// Answers one question; true if something was taken back on disk.
  Result<bool> ask(const Question& question, Answer& answer) {
    answer = {};
    if (question.by_search) answer.found = found.of(question.identity);
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

  void confirm(const Question& sent, std::string_view found_blueprint, std::string_view found_identifier,
               const SentFields* fields) {
    const bool found_is_known = !sent.by_search || !found_identifier.empty();
    if (sent.by_search && found_is_known) {
      found.remember(sent.identity, found_blueprint, found_identifier);
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
    if (fields != nullptr) keep_fields(*entry, *fields);
    journal->write(on_disk(*entry));
  }

  void keep_fields(const DigestEntry& entry, const SentFields& fields) {
    if (fields.digests.size() > SentRecord::kMostFields || fields.identifier.size() > SentRecord::kMostIdentifier)
      return;
    const auto [shape, is_new] = shapes.number(fields.shape);
    if (shape == 0) return;
    if (is_new) journal->write(DigestJournal::ShapeName{shape, std::string(fields.shape)});
    journal->write_sent(entry, shape, fields);
    sent_records.fetch_add(1, std::memory_order_relaxed);
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
      for (const Digest& mapped : found.mapped_to(identity)) {
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
    return file.drop_other_blocks();
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
    auto journalled = file.entries_in_journal();
    if (!journalled) return unexpected(std::move(journalled).error());
    const std::size_t all = spilled.load() ? blocks->size() : table.size();
    auto stale = sent_log_is_stale(file.writer(), all, sent_records.load());
    if (!stale) return unexpected(std::move(stale).error());
    // On disk only blocks without a journal tell which of the kept fields count.
    const bool anew = *journalled > std::max(kShortJournal, all / kJournalShare) || (*stale && spilled.load());
    if (anew) {
      if (auto done = spilled.load() ? file.merge(options.memory_bytes) : write_table(); !done) return done;
      if (auto done = file.drop_other_blocks(); !done) return done;
    }
    return *stale ? clean_sent() : Result<void>();
  }

  Result<void> clean_sent() {
    DigestBlocks stored(file.reader(), file.blocks_number());
    SentLogUse use;
    use.sent = sent_records.load();
    use.first_row = first_sent_row;
    if (spilled.load()) {
      if (auto ended = blocks->end_reading(); !ended) return ended;
      if (auto loaded = stored.load(nullptr); !loaded) return loaded;
      use.known = stored.size();
      use.most_records = kLookedUpOnDisk;
      use.is_current = [&stored](const SentRecord& record) -> Result<bool> {
        auto known = stored.find(record.identity);
        if (!known) return unexpected(std::move(known).error());
        return *known && static_cast<std::uint32_t>((*known)->entry.contents.low) == record.contents;
      };
    } else {
      use.known = table.size();
      use.most_records = 2 * use.sent + kShortJournal;
      use.is_current = [this](const SentRecord& record) -> Result<bool> {
        const DigestEntry* const entry = table.shard_of(record.identity).find(record.identity);
        return entry != nullptr && entry->known() && static_cast<std::uint32_t>(entry->contents.low) == record.contents;
      };
    }
    return clean_sent_log(file.writer(), use);
  }

  /// Forgets what was neither read nor is in the target.
  Result<void> drop_unheard_of() {
    std::vector<DigestEntry> gone;
    Result<void> done;
    const auto drop = [&](DigestEntry entry) {
      entry = on_disk(entry);
      entry.set(DigestEntry::kGone);
      gone.push_back(entry);
      if (gone.size() >= kDropsTogether && done) done = file.append(gone);
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
    if (done) done = file.append(gone);
    return done;
  }

  /// Makes blocks of everything that is known in the table, in place of blocks and journal.
  Result<void> write_table() {
    return file.write_anew([this](DigestBlockWriter& writer) -> Result<void> {
      for (auto& shard : table.shards()) {
        for (const DigestEntry& entry : shard.sorted()) {
          if (!entry.known()) continue;
          if (auto done = writer.add(entry); !done) return done;
        }
      }
      return {};
    });
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
  const auto [number, is_new] = impl_->scopes.number(kind, partition);
  if (is_new) impl_->journal->write(DigestJournal::ScopeName{number, std::string(kind), std::string(partition)});
  return number;
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

void DigestStore::confirm(const Question& sent, std::string_view found_blueprint, std::string_view found_identifier,
                          const SentFields* fields) {
  impl_->confirm(sent, found_blueprint, found_identifier, fields);
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
    const Digest found = impl_->found.of(entry.identity).value_or(entry.identity);
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
  return impl_->scopes.name(scope);
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
