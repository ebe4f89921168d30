#include "target.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "reconcile/catalogues.hpp"

namespace riptide::stages {
namespace {

/// A run that is killed repeats what a local sink was given in the last such time.
constexpr milliseconds kKeepEvery{1000};

/// Of a target that cannot be listed.
class NoCatalogue final : public Catalogue {
 public:
  pipeline::Result<void> owned(const std::function<void(const OwnedEntity&)>&) override { return {}; }
  pipeline::Result<std::size_t> remove(std::span<const OwnedEntity>) override { return std::size_t{0}; }
};

}  // namespace

Target::Target(LaneCore& lane, std::unique_ptr<Sink> sink, Use use, std::shared_ptr<const state::StateFile> memory)
    : lane_(lane),
      state_(lane.state),
      sink_(std::move(sink)),
      use_(use),
      memory_(std::move(memory)),
      remote_(dynamic_cast<RemoteSink*>(sink_.get())),
      local_(dynamic_cast<LocalSink*>(sink_.get())),
      async_(dynamic_cast<AsyncSink*>(sink_.get())) {}

Target::~Target() {
  if (diff_) (void)diff_->listing();
}

Result<void> Target::open(ScopeNames scope_names, HttpClient* client) {
  scope_names_ = std::move(scope_names);
  client_ = client;
  auto opened = local_ != nullptr ? open_local() : async_ != nullptr ? open_async() : open_remote();
  if (!opened && opened.error().kind == ErrorKind::kConfig) return opened;
  if (!opened) {
    lane_.health.fail(std::move(opened).error());
    return {};
  }
  opened_ = true;
  return {};
}

Result<void> Target::open_local() {
  local_->set_scope_names(scope_names_);
  local_->set_kinds(state_.context.kinds);
  if (auto opened = local_->open(); !opened) return opened;
  writer_ = std::make_unique<LocalWriter>(*local_, state_.journalled ? kKeepEvery : milliseconds{0});
  catalogue_ = std::make_unique<LocalCatalogue>(*local_, lane_.options.resources);
  return {};
}

Result<void> Target::open_async() {
  catalogue_ = std::make_unique<NoCatalogue>();
  return async_->open();
}

Result<void> Target::open_remote() {
  catalogue_ = std::make_unique<RemoteCatalogue>(*remote_, *client_, *state_.stop,
                                                 Sparing{state_.began, spares_related() ? &state_.related : nullptr});
  if (remote_->parents_first()) {
    auto deferral = Deferral::open(state_);
    if (!deferral) return pipeline::unexpected(std::move(deferral).error());
    deferral_ = std::move(*deferral);
  }
  if (auto opened = open_diff(); !opened) return opened;
  if (const RunLife* const life = remote_->life()) {
    life_ = std::make_unique<LifeReporter>(state_, *life, lane_.ledger, *client_);
  }
  return {};
}

Result<void> Target::open_diff() {
  if (memory_ == nullptr) return {};
  const std::size_t name_bytes = state_.digest_bytes / 3;
  auto store = state::DigestStore::open(*memory_, {.memory_bytes = state_.digest_bytes - name_bytes});
  if (!store) return pipeline::unexpected(std::move(store).error());
  diff_ = std::make_unique<Diff>(
      std::move(*store), state_.context,
      [this](const Entity& entity) { return std::pair(state_.kind_of(entity.resource), scope_name(entity.scope)); },
      [this](const Entity& entity, const pipeline::Digest& found) {
        lane_.seen().note(found, state_.repeat_scope(entity.scope, entity.resource), 0);
        if (state_.tickets) state_.tickets->found(entity.page, entity.resource, {found, 0});
      });
  diff_->begin(*catalogue_, name_bytes);
  return {};
}

std::string Target::catalogue_name() const { return local_ != nullptr && opened_ ? local_->catalogue_name() : ""; }

void Target::write(std::shared_ptr<Batch> batch, std::function<void(Answer::What)> done) {
  if (batch->waits) return deferral_->keep(std::move(batch), std::move(done));
  if (local_ != nullptr) return writer_->write(std::move(batch), std::move(done));
  if (async_ != nullptr) {
    // Whatever it throws, the reply that it let go has answered.
    try {
      async_->send(std::move(batch), BatchReply([done = std::move(done)](Result<std::vector<Outcome>> outcomes) {
                     done(std::move(outcomes));
                   }));
    } catch (const std::exception& thrown) {
      lane_.health.fail(Error(ErrorKind::kInternal, fmt::format("it threw: {}", thrown.what())));
    } catch (...) {
      lane_.health.fail(Error(ErrorKind::kInternal, "it threw something that is no exception"));
    }
    return;
  }
  Send send;
  try {
    send.request = remote_->encode(*batch);
  } catch (const std::exception& thrown) {
    return done(Result<std::vector<Outcome>>(
        pipeline::unexpected(ErrorKind::kInternal, fmt::format("it threw: {}", thrown.what()))));
  }
  if (send.request.auth == nullptr) send.request.auth = remote_->auth();
  send.done = std::move(done);
  client_->send(std::move(send));
}

std::optional<std::uint64_t> Target::kept_writes() const {
  if (!writer_ || !state_.journalled) return std::nullopt;
  return writer_->kept();
}

std::string Target::listing_error() const {
  const OwnedListing* const listing = diff_ ? diff_->listing() : nullptr;
  return listing == nullptr || listing->result() ? std::string() : listing->result().error().message;
}

Result<void> Target::finish(Finish how) {
  if (local_ != nullptr) return local_->finish(lane_.health.has_failed() ? Finish::kPartial : how);
  if (async_ != nullptr) return async_->finish(lane_.health.has_failed() ? Finish::kPartial : how);
  if (!diff_ || planned()) return {};
  // Kinds that were not read are no reason to forget what came from them.
  const bool whole = how == Finish::kComplete && state_.options.resources.size() == state_.context.kinds.size();
  return diff_->finish(whole && !lane_.health.has_failed() ? state::DigestStore::Ending::kWholeRun
                                                           : state::DigestStore::Ending::kPartial);
}

}  // namespace riptide::stages
