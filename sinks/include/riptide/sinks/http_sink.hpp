#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/secret.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::sinks {

/// Sends batches of any JSON objects to an HTTP endpoint. At least once: a request that got no answer is sent again,
/// with the same `Idempotency-Key` (a digest of its body), by which the endpoint can tell.
///
/// A 2xx takes the whole batch. 400, 409, 415 and 422 refuse it: its items are rejected, with what the answer says; a
/// batch of several is first sent again in halves, so that a bad item costs only itself. So is one that is too large
/// (413). Any other answer ends the sink.
class HttpSink final : public stages::RemoteSink {
 public:
  enum class Format { kArray, kLines, kSingle };  ///< A JSON array, NDJSON, or one item a request.
  /// Where batches go, and in what form.
  struct Options {
    std::string url;  ///< Absolute.
    stages::Method method = stages::Method::kPost;
    /// Beside `Content-Type`. Values may be secret: they are sent and never shown.
    std::vector<std::pair<std::string, pipeline::Secret>> headers;
    Format format = Format::kArray;
    std::size_t max_in_flight = 8;
    std::size_t max_records = 1000;
    std::size_t max_bytes = 1 << 20;
  };

  /// Errors: kConfig (a URL that is not http(s), or has credentials in it; a header that is none).
  static pipeline::Result<std::unique_ptr<HttpSink>> create(Options options);

  [[nodiscard]] std::string_view spec() const noexcept override { return spec_; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override;
  [[nodiscard]] bool takes_any() const noexcept override { return true; }
  [[nodiscard]] bool can_resume() const noexcept override { return false; }

  [[nodiscard]] stages::HttpRequest encode(const stages::Batch& batch) const override;
  [[nodiscard]] pipeline::Result<stages::UploadAnswer> read(const stages::Batch& batch,
                                                            const stages::HttpResponse& response,
                                                            json::Document& document) const override;

 private:
  explicit HttpSink(Options options);

  Options options_;
  std::string spec_;  // "http:" and the URL without what may be secret in it.
};

}  // namespace riptide::sinks
