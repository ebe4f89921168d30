#include "riptide/stages/revalidating_transport.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace riptide::stages {
namespace {

class RevalidatingTransport : public Transport {
 public:
  RevalidatingTransport(std::unique_ptr<Transport> transport, std::shared_ptr<RememberedPages> pages,
                        pipeline::PagePool* buffers)
      : pages_(std::move(pages)), buffers_(buffers), transport_(std::move(transport)) {}
  ~RevalidatingTransport() override {
    transport_.reset();  // Its last answers may be pages to recall.
    pages_->finish_work();
  }

  void send(Send send) override {
    const auto key = RememberedPages::key_of(send.request);
    if (key) {
      auto known = send.fresh ? std::nullopt : pages_->find(*key);
      // Memory for the page is taken before it is asked for, as for one that is sent.
      if (known && !send.credit.try_grow(known->body_bytes)) known.reset();
      if (known) send.request.headers.push_back(known->condition);
      send.done = [this, key = *key, known = std::move(known),
                   done = std::move(send.done)](Result<HttpResponse> answer) {
        if (answer && answer->status == 200) pages_->remember(key, *answer);
        if (!known || !answer || answer->status != 304) return done(std::move(answer));
        const std::string url = answer->safe_url;
        pages_->recall(*known, std::move(*answer), buffers_, [done, url](std::optional<HttpResponse> page) {
          if (page) return done(*std::move(page));
          done(pipeline::unexpected(Error(ErrorKind::kLimit, "what is remembered of the page cannot be read: " + url,
                                          pipeline::Retry::now())));
        });
      };
    }
    transport_->send(std::move(send));
  }
  void drain() override { transport_->drain(); }
  void abort() override { transport_->abort(); }
  [[nodiscard]] std::vector<HostStats> stats() const override { return transport_->stats(); }

 private:
  const std::shared_ptr<RememberedPages> pages_;
  pipeline::PagePool* const buffers_;
  std::unique_ptr<Transport> transport_;
};

}  // namespace

std::unique_ptr<Transport> revalidating(std::unique_ptr<Transport> transport, std::shared_ptr<RememberedPages> pages,
                                        pipeline::PagePool* buffers) {
  return std::make_unique<RevalidatingTransport>(std::move(transport), std::move(pages), buffers);
}

}  // namespace riptide::stages
