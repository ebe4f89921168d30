#include "riptide/stages/revalidating_transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "scratch_directory.hpp"

namespace riptide::stages {
namespace {

/// A server that answers at once, on the caller's thread.
class Answers : public Transport {
 public:
  explicit Answers(std::function<Result<HttpResponse>(const HttpRequest&)> serve) : serve_(std::move(serve)) {}
  void send(Send send) override {
    auto answer = serve_(send.request);
    if (answer) {
      // As the client does: the credit goes with the body.
      auto body = std::make_shared<pipeline::PageBuffer>();
      if (answer->body) body->append(answer->body->view());
      body->credit = std::move(send.credit);
      answer->body = std::move(body);
    }
    send.done(std::move(answer));
  }
  void drain() override {}
  void abort() override {}
  [[nodiscard]] std::vector<HostStats> stats() const override { return {}; }

 private:
  std::function<Result<HttpResponse>(const HttpRequest&)> serve_;
};

class RevalidatingTransportTest : public ::testing::Test {
 protected:
  void open() {
    transport_.reset();
    pages_.reset();
    pages_ = std::move(RememberedPages::open({.path = directory_.file("pages"), .owner = {"port:x", "mine"}}).value());
    transport_ = revalidating(std::make_unique<Answers>([this](const HttpRequest& request) { return serve(request); }),
                              pages_, nullptr);
  }
  /// As many servers do: a tag of the body, compared as text.
  Result<HttpResponse> serve(const HttpRequest& request) {
    asked_ = request;
    HttpResponse response;
    response.safe_url = request.url;
    response.status = status_;
    response.headers = {{"ETag", tag_}};
    for (const Header& header : request.headers) {
      if (header.name == "If-None-Match" && header.value == tag_) response.status = 304;
    }
    if (response.status != 304) response.body = pipeline::make_page(body_);
    return response;
  }
  Result<HttpResponse> get(pipeline::Credit credit = {}, bool fresh = false) {
    std::promise<Result<HttpResponse>> promise;
    Send send;
    send.request.url = "http://a/1";
    send.credit = std::move(credit);
    send.fresh = fresh;
    send.done = [&](Result<HttpResponse> answer) { promise.set_value(std::move(answer)); };
    transport_->send(std::move(send));
    return promise.get_future().get();
  }
  [[nodiscard]] bool asked_whether() const { return has_header(asked_.headers, "if-none-match"); }

  state::ScratchDirectory directory_;
  std::string body_ = std::string(500, 'b');
  std::string tag_ = "\"1\"";
  int status_ = 200;
  HttpRequest asked_;
  std::shared_ptr<RememberedPages> pages_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(RevalidatingTransportTest, A304IsTheRememberedPage) {
  open();
  EXPECT_FALSE(get()->remembered);
  EXPECT_FALSE(asked_whether());
  open();
  for (int i = 0; i < 2; ++i) {
    const auto page = get();
    EXPECT_TRUE(asked_whether());
    ASSERT_TRUE(page.has_value());
    EXPECT_EQ(page->status, 200);
    EXPECT_TRUE(page->remembered);
    EXPECT_EQ(page->body->view(), body_);
  }
}

TEST_F(RevalidatingTransportTest, AChangedPageTakesItsPlace) {
  open();
  (void)get();
  open();
  body_ = "[2]";
  tag_ = "\"2\"";
  EXPECT_EQ(get()->body->view(), "[2]");
  open();
  const auto page = get();
  EXPECT_TRUE(page->remembered);
  EXPECT_EQ(page->body->view(), "[2]");
}

TEST_F(RevalidatingTransportTest, AsksForTheWholeWhereItWouldNotFitOrWillNotDo) {
  open();
  (void)get();
  open();
  pipeline::CreditPool pool("bodies", 600);
  {
    const pipeline::Credit others = pool.take(300);
    const auto page = get(pool.take(100));
    EXPECT_FALSE(asked_whether()) << "500 bytes are not free";
    EXPECT_FALSE(page->remembered);
  }
  EXPECT_FALSE(get({}, true)->remembered);
  EXPECT_FALSE(asked_whether());
  pages_->finish_work();
  EXPECT_EQ(pool.taken(), 0u);
  {
    const auto page = get(pool.take(100));
    EXPECT_TRUE(page->remembered);
    EXPECT_EQ(pool.taken(), 500u);
  }
  pages_->finish_work();
  EXPECT_EQ(pool.taken(), 0u);
}

TEST_F(RevalidatingTransportTest, ErrorsAndOtherAnswersAreLeftAlone) {
  open();
  status_ = 404;
  EXPECT_EQ(get()->status, 404);
  status_ = 200;
  open();
  EXPECT_FALSE(get()->remembered) << "a 404 is not remembered";
  open();
  status_ = 500;
  tag_ = "\"2\"";
  EXPECT_EQ(get()->status, 500);
  EXPECT_TRUE(asked_whether());
}

TEST_F(RevalidatingTransportTest, APageThatCannotBeRecalledIsAskedForAgain) {
  open();
  (void)get();
  transport_.reset();
  pages_.reset();
  {
    state::Database database;
    ASSERT_TRUE(database.open(directory_.file("pages")).has_value());
    ASSERT_TRUE(database.run("UPDATE pages SET digest = digest + 1").has_value());
  }
  open();
  const auto lost = get();
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(lost.error().retry.when, pipeline::Retry::When::kNow);
  const auto again = get();
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(asked_whether());
  EXPECT_EQ(again->body->view(), body_);
}

}  // namespace
}  // namespace riptide::stages
