#include "request_key.hpp"

#include <xxhash.h>

namespace riptide::stages {

std::uint64_t digest_of(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

std::uint64_t RequestKey::digest() const {
  const std::uint64_t head = digest_of(method + (for_credentials ? "!" : " ") + url);
  return digest_of(body, head);
}

RequestKey key_of(const Attempt& attempt, const Scrubber& scrubber) {
  RequestKey key;
  key.method = to_string(attempt.request.method);
  key.url = scrubber.url(attempt.request.url);
  key.for_credentials = attempt.for_credentials;
  if (!attempt.for_credentials) key.body = scrubber.body(attempt.request.body);
  return key;
}

}  // namespace riptide::stages
