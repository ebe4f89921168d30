#include "riptide/stages/sink.hpp"

namespace riptide::stages {
namespace {

Error cannot(std::string_view what) {
  return Error(ErrorKind::kConfig, "this sink says that it can, but cannot " + std::string(what));
}

}  // namespace

HttpRequest RemoteSink::owned_request(std::string_view cursor) const {
  (void)cursor;
  return {};  // No URL: whoever sends it is told so.
}

Result<OwnedPage> RemoteSink::read_owned(const HttpResponse& response, json::Document& document) const {
  (void)response;
  (void)document;
  return pipeline::unexpected(cannot("list what it owns"));
}

HttpRequest RemoteSink::delete_request(std::string_view blueprint, std::span<const std::string> identifiers) const {
  (void)blueprint;
  (void)identifiers;
  return {};
}

Result<std::size_t> RemoteSink::read_deleted(std::span<const std::string> identifiers, const HttpResponse& response,
                                             json::Document& document) const {
  (void)identifiers;
  (void)response;
  (void)document;
  return pipeline::unexpected(cannot("delete"));
}

BatchReply& BatchReply::operator=(BatchReply&& other) noexcept {
  if (this == &other) return *this;
  BatchReply dropped(std::move(*this));
  done_ = std::exchange(other.done_, nullptr);
  return *this;
}

BatchReply::~BatchReply() {
  if (done_) (*this)(pipeline::unexpected(ErrorKind::kInternal, "a batch was dropped without an answer"));
}

void BatchReply::operator()(Result<std::vector<Outcome>> outcomes) {
  if (const Done done = std::exchange(done_, nullptr)) done(std::move(outcomes));
}

}  // namespace riptide::stages
