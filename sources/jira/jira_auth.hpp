#pragma once

#include <functional>
#include <string>

#include "riptide/pipeline/secret.hpp"
#include "riptide/stages/auth.hpp"

namespace riptide::sources::jira {

/// The same header on every request, for as long as the run.
class FixedAuthorization final : public stages::Auth {
 public:
  FixedAuthorization(pipeline::Secret value, std::string settings)
      : value_(std::move(value)), settings_(std::move(settings)) {}
  [[nodiscard]] pipeline::Result<stages::Credentials> fixed() const override;
  [[nodiscard]] std::string_view settings() const noexcept override { return settings_; }

 private:
  pipeline::Secret value_;
  std::string settings_;
};

/// A bearer token that somebody else renews. One that cannot be read is replaced by `fallback`, as Ocean does.
class RenewedBearer final : public stages::Auth {
 public:
  using ReadToken = std::function<pipeline::Result<pipeline::Secret>()>;
  RenewedBearer(ReadToken read, pipeline::Secret fallback) : read_(std::move(read)), fallback_(std::move(fallback)) {}
  [[nodiscard]] pipeline::Result<stages::Credentials> fixed() const override;
  [[nodiscard]] std::string_view settings() const noexcept override { return "OCEAN__OAUTH_ACCESS_TOKEN_FILE_PATH"; }

 private:
  ReadToken read_;
  pipeline::Secret fallback_;
};

}  // namespace riptide::sources::jira
