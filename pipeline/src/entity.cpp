#include "riptide/pipeline/entity.hpp"

#include <xxhash.h>

namespace riptide::pipeline {

Digest digest_of(std::string_view bytes) noexcept {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

Digest identity_digest(std::string_view blueprint, std::string_view identifier) noexcept {
  // The blueprint seeds the identifier's digest: no separator that either part could contain.
  const XXH64_hash_t seed = XXH3_64bits(blueprint.data(), blueprint.size());
  const XXH128_hash_t hash = XXH3_128bits_withSeed(identifier.data(), identifier.size(), seed);
  return {hash.low64, hash.high64};
}

void EntityBuffer::append(const EntityBuffer& from, const Entity& entity) {
  Entity& copy = entities.emplace_back(entity);
  copy.begin = bytes.size();
  bytes += from.json(entity);
}

}  // namespace riptide::pipeline
