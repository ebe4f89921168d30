#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/sources/custom.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::sources::custom {

/// Text with `{{.path}}` in it: each is a jq expression on the answer that authenticated.
class TokenTemplate {
 public:
  enum class Form : std::uint8_t {
    kText,
    kJson,  ///< The text is JSON, with placeholders inside its strings.
  };
  /// Errors: kConfig (a placeholder that is not `{{.path}}`, an expression that does not compile).
  [[nodiscard]] static Result<TokenTemplate> compile(std::string_view text, Form form);
  /// Returns the text with the values of the input that `evaluator` has loaded. Errors: kMalformed (one is not there).
  [[nodiscard]] Result<std::string> filled(transform::jq::Evaluator& evaluator) const;

 private:
  struct Piece {
    std::string literal;  ///< In front of the value.
    std::shared_ptr<const transform::jq::Program> program;
  };
  Form form_ = Form::kText;
  std::vector<Piece> pieces_;
  std::string end_;
};

/// Credentials that a request fetches: `customAuthRequest` says how, `customAuthRequestTemplate` what of the answer
/// goes into each request.
class RequestedAuth final : public stages::Auth {
 public:
  /// Errors: kConfig, naming the setting and the field.
  [[nodiscard]] static Result<std::unique_ptr<const RequestedAuth>> create(const AuthSettings& settings,
                                                                           const std::string& base_url);

  [[nodiscard]] std::optional<stages::HttpRequest> token_request() const override { return request_; }
  [[nodiscard]] Result<stages::Credentials> read_token(const stages::HttpResponse& response) const override;
  [[nodiscard]] std::string_view settings() const noexcept override {
    return "OCEAN__INTEGRATION__CONFIG__CUSTOM_AUTH_REQUEST";
  }

 private:
  RequestedAuth() = default;
  Result<void> read_request(const AuthSettings& settings, const std::string& base_url);
  Result<void> read_template(const AuthSettings& settings);

  stages::HttpRequest request_;
  std::optional<std::chrono::seconds> lifetime_;
  std::vector<std::pair<std::string, TokenTemplate>> headers_;
  std::vector<std::pair<std::string, TokenTemplate>> query_;
  std::optional<TokenTemplate> body_;
};

/// Credentials that the settings hold.
class FixedAuth final : public stages::Auth {
 public:
  /// Null for the styles none and custom. Errors: kConfig (credentials that are not set).
  [[nodiscard]] static Result<std::unique_ptr<const FixedAuth>> create(const AuthSettings& settings);
  [[nodiscard]] Result<stages::Credentials> fixed() const override;
  [[nodiscard]] std::string_view settings() const noexcept override { return setting_; }
  [[nodiscard]] std::string_view header() const noexcept { return header_; }

 private:
  std::string header_;
  pipeline::Secret value_;
  std::string_view setting_;
};

/// Signs nothing: for requests whose selector brings a header of its own for it.
class NoAuth final : public stages::Auth {};

}  // namespace riptide::sources::custom
