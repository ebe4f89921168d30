#include "diff/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

using pipeline::Digest;
using pipeline::Result;
using pipeline::unexpected;
using state::DigestStore;

/// What the target is told beside the entity: with other options it would do something else with it.
Digest digest_of_options(const SinkContext& context) {
  return pipeline::digest_of(
      fmt::format("merge={} create_missing_related={}", context.merge, context.create_missing_related));
}

}  // namespace

Diff::Diff(std::unique_ptr<DigestStore> store, const SinkContext& context, ScopeName scope_name, NoteFound note_found)
    : store_(std::move(store)),
      options_(digest_of_options(context)),
      scope_name_(std::move(scope_name)),
      note_found_(std::move(note_found)) {}

void Diff::begin(Catalogue& catalogue, std::size_t name_bytes) {
  if (store_->size() == 0) return;
  {
    const std::lock_guard lock(mutex_);
    ready_ = false;
  }
  listing_ = std::make_unique<OwnedListing>(
      catalogue, name_bytes,
      [this](const OwnedEntity& entity) {
        return store_->note_present(pipeline::identity_digest(entity.blueprint, entity.identifier));
      },
      [this](const Result<void>& result) { listing_is_over(result); });
}

void Diff::listing_is_over(const Result<void>& result) {
  // Without the listing nothing is known to be there, so everything is sent: safe, whatever the error is.
  (void)store_->listing_ended(result ? DigestStore::Listing::kComplete : DigestStore::Listing::kFailed).has_value();
  std::vector<std::function<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    ready_ = true;
    waiting = std::move(waiting_);
  }
  for (const auto& ready : waiting) ready();
}

void Diff::when_ready(std::function<void()> ready) {
  {
    const std::lock_guard lock(mutex_);
    if (!ready_) {
      waiting_.push_back(std::move(ready));
      return;
    }
  }
  ready();
}

DigestStore::Question Diff::question_of(const EntityBuffer& buffer, const Entity& entity, LastScope& last) {
  DigestStore::Question question;
  question.identity = entity.identity;
  question.contents = pipeline::digest_of(buffer.json(entity));
  question.contents.low ^= options_.low;
  question.contents.high ^= options_.high;
  question.by_search = buffer.part(entity, entity.identifier).starts_with('{');
  // Only the target knows what a search among relations finds, and it does not say.
  question.always_sent = entity.related_by_search;
  const std::uint64_t key = (static_cast<std::uint64_t>(entity.scope) << 32) | entity.resource;
  if (!last.number || last.key != key) last = {key, number_of(key, entity)};
  question.scope = *last.number;
  return question;
}

std::uint32_t Diff::number_of(std::uint64_t key, const Entity& entity) {
  const std::lock_guard lock(scopes_mutex_);
  const auto [at, is_new] = scopes_.try_emplace(key);
  if (is_new) {
    const auto [kind, partition] = scope_name_(entity);
    at->second = store_->scope(kind, partition);
  }
  return at->second;
}

Result<Diff::Split> Diff::filter(const EntityBuffer& entities) {
  std::vector<DigestStore::Question> questions;
  questions.reserve(entities.entities.size());
  LastScope last;
  for (const Entity& entity : entities.entities) questions.push_back(question_of(entities, entity, last));
  std::vector<DigestStore::Answer> answers(questions.size());
  auto asked = store_->ask(questions, answers);
  if (!asked) return unexpected(std::move(asked).error());
  Split split;
  split.wait = *asked;
  const auto unchanged = static_cast<std::size_t>(
      std::count_if(answers.begin(), answers.end(), [](const auto& answer) { return answer.unchanged; }));
  split.unchanged.reserve(unchanged);
  split.changed.reserve(answers.size() - unchanged);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Entity& entity = entities.entities[i];
    (answers[i].unchanged ? split.unchanged : split.changed).push_back(entity);
    if (answers[i].unchanged && answers[i].found) note_found_(entity, *answers[i].found);
  }
  return split;
}

void Diff::settled(const EntityBuffer& batch, std::span<const Outcome> outcomes) {
  LastScope last;
  auto fields = fields_.borrow();
  for (std::size_t i = 0; i < batch.entities.size(); ++i) {
    const Entity& entity = batch.entities[i];
    bool stands = false;
    if (i < outcomes.size()) {
      switch (outcomes[i].kind) {
        case Outcome::Kind::kCreated:
        case Outcome::Kind::kUpdated:
        case Outcome::Kind::kUnchanged:
          stands = true;
          break;
        case Outcome::Kind::kRejected:
        case Outcome::Kind::kAbandoned:
          break;
      }
    }
    if (stands) {
      confirm(batch, entity, outcomes[i], *fields, last);
    } else {
      store_->give_up(entity.identity);
    }
  }
}

void Diff::confirm(const EntityBuffer& batch, const Entity& entity, const Outcome& outcome, FieldDigests& fields,
                   LastScope& last) {
  const auto question = question_of(batch, entity, last);
  if (question.always_sent) return;
  const std::string blueprint =
      question.by_search ? json::text_of(batch.part(entity, entity.blueprint)) : std::string();
  if (!fields.read(batch, entity)) return store_->confirm(question, blueprint, outcome.identifier);
  const std::string identifier = outcome.identifier.empty() || !question.by_search
                                     ? json::text_of(batch.part(entity, entity.identifier))
                                     : outcome.identifier;
  const state::SentFields sent{identifier, fields.shape(), fields.digests()};
  store_->confirm(question, blueprint, outcome.identifier, &sent);
}

Result<void> Diff::removed(std::span<const OwnedEntity> entities) {
  for (const OwnedEntity& entity : entities) {
    auto done = store_->forget(pipeline::identity_digest(entity.blueprint, entity.identifier));
    if (!done) return done;
  }
  return {};
}

Result<void> Diff::describe(OwnedEntity& entity) {
  if (!entity.kind.empty()) return {};
  auto scope = store_->scope_of(pipeline::identity_digest(entity.blueprint, entity.identifier));
  if (!scope) return unexpected(std::move(scope).error());
  if (!*scope) return {};
  entity.kind = std::move((*scope)->first);
  entity.partition = std::move((*scope)->second);
  return {};
}

const OwnedListing* Diff::listing() {
  if (listing_) listing_->join();
  return listing_.get();
}

Result<void> RememberingCatalogue::owned(const std::function<void(const OwnedEntity&)>& visit) {
  Result<void> described;
  const auto describe_and_visit = [&](const OwnedEntity& listed) {
    OwnedEntity entity = listed;
    if (described) described = diff_.describe(entity);
    visit(entity);
  };
  const OwnedListing* const listing = diff_.listing();
  if (listing != nullptr && !listing->result()) {
    return unexpected(pipeline::Error(listing->result().error()).within("what the target has could not be listed"));
  }
  if (listing != nullptr && listing->has_names()) {
    unlisted_ = created_;
    listing->each(describe_and_visit);
  } else if (auto listed = target_.owned(describe_and_visit); !listed) {
    return listed;
  }
  return described;
}

Result<std::size_t> RememberingCatalogue::remove(std::span<const OwnedEntity> entities) {
  // Before it is asked for: what of it was removed when the answer fails, nobody knows.
  if (auto done = diff_.removed(entities); !done) return unexpected(std::move(done).error());
  return target_.remove(entities);
}

}  // namespace riptide::stages
