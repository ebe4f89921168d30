#include "diff/owned_listing.hpp"

#include <pthread.h>

#include <exception>
#include <utility>

namespace riptide::stages {

OwnedListing::OwnedListing(Catalogue& catalogue, std::size_t name_bytes, Visit visit, Done done)
    : name_bytes_(name_bytes), thread_([this, &catalogue, visit = std::move(visit), done = std::move(done)] {
        list(catalogue, visit);
        done(result_);
      }) {
  pthread_setname_np(thread_.native_handle(), "riptide-listing");
}

OwnedListing::~OwnedListing() { join(); }

void OwnedListing::join() {
  if (thread_.joinable()) thread_.join();
}

void OwnedListing::list(Catalogue& catalogue, const Visit& visit) {
  try {
    pipeline::Result<void> visited;
    result_ = catalogue.owned([&](const OwnedEntity& entity) {
      ++count_;
      keep(entity);
      if (visited) visited = visit(entity);
    });
    if (result_) result_ = std::move(visited);
  } catch (const std::exception& thrown) {
    result_ = pipeline::unexpected(pipeline::ErrorKind::kInternal, std::string("the listing threw: ") + thrown.what());
  }
}

void OwnedListing::keep(const OwnedEntity& entity) {
  if (!has_names_) return;
  if (bytes_.size() + entity.identifier.size() + (names_.size() + 1) * sizeof(Name) > name_bytes_) {
    has_names_ = false;
    names_ = {};
    bytes_ = {};
    return;
  }
  const auto [at, is_new] =
      blueprint_numbers_.try_emplace(entity.blueprint, static_cast<std::uint32_t>(blueprints_.size()));
  if (is_new) blueprints_.push_back(entity.blueprint);
  names_.push_back({at->second, static_cast<std::uint32_t>(entity.identifier.size())});
  bytes_ += entity.identifier;
}

void OwnedListing::each(const std::function<void(const OwnedEntity&)>& visit) const {
  std::size_t begin = 0;
  OwnedEntity entity;
  for (const Name& name : names_) {
    entity.blueprint = blueprints_[name.blueprint];
    entity.identifier.assign(bytes_, begin, name.length);
    begin += name.length;
    visit(entity);
  }
}

}  // namespace riptide::stages
