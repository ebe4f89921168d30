#include "fetch_fixture.hpp"

#include <cstdlib>
#include <thread>

namespace riptide::stages {
namespace {

class Runtime : public testing::Environment {
 public:
  void SetUp() override {
    // The tests talk to this machine; a proxy in the developer's environment is none of their business.
    for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                             "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
      ::unsetenv(name);
    }
    runtime_ = std::make_unique<HttpRuntime>();
  }
  void TearDown() override { runtime_.reset(); }

 private:
  std::unique_ptr<HttpRuntime> runtime_;
};

[[maybe_unused]] const testing::Environment* const kRuntime = testing::AddGlobalTestEnvironment(new Runtime);

constexpr std::chrono::seconds kPatience{20};

}  // namespace

HttpClientOptions quick_options() {
  HttpClientOptions options;
  options.name = "test";
  options.retry.base = milliseconds{2};
  options.retry.cap = milliseconds{2'000};
  options.retry.attempts = 4;
  options.connect_timeout = milliseconds{5'000};
  options.total_timeout = milliseconds{15'000};
  options.seed = 7;
  return options;
}

std::unique_ptr<HttpClient> start_client(HttpClientOptions options) {
  auto client = HttpClient::start(std::move(options));
  EXPECT_TRUE(client) << client.error().message;
  return std::move(client).value();
}

HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

HttpRequest post(std::string url, std::string body, bool retryable) {
  HttpRequest request;
  request.method = Method::kPost;
  request.url = std::move(url);
  request.body = std::move(body);
  request.headers.push_back({"Content-Type", "application/json"});
  request.retryable = retryable;
  return request;
}

Answers::~Answers() { on_answer(nullptr); }

Send Answers::send(HttpRequest request, pipeline::Credit credit) {
  Send one;
  one.request = std::move(request);
  one.credit = std::move(credit);
  one.done = [state = state_](Result<HttpResponse> answer) {
    const std::lock_guard lock(state->mutex);
    if (state->callback) state->callback(answer);
    state->answers.push_back(std::move(answer));
    state->changed.notify_all();
  };
  return one;
}

const std::deque<Result<HttpResponse>>& Answers::wait(std::size_t count) {
  std::unique_lock lock(state_->mutex);
  EXPECT_TRUE(state_->changed.wait_for(lock, kPatience, [&] { return state_->answers.size() >= count; }))
      << state_->answers.size() << " of " << count << " answers came";
  return state_->answers;
}

const Result<HttpResponse>& Answers::at(std::size_t index) {
  static const Result<HttpResponse> kNothing = pipeline::unexpected(ErrorKind::kInternal, "no answer came");
  std::unique_lock lock(state_->mutex);
  const bool came = state_->changed.wait_for(lock, kPatience, [&] { return state_->answers.size() > index; });
  EXPECT_TRUE(came) << state_->answers.size() << " answers came, but none with the index " << index;
  return came ? state_->answers[index] : kNothing;
}

Result<HttpResponse> Answers::take(std::size_t index) {
  (void)at(index);
  const std::lock_guard lock(state_->mutex);
  if (index >= state_->answers.size()) return pipeline::unexpected(ErrorKind::kInternal, "no answer came");
  return std::exchange(state_->answers[index], pipeline::unexpected(ErrorKind::kInternal, "taken already"));
}

std::size_t Answers::count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->answers.size();
}

void Answers::on_answer(Callback callback) {
  const std::lock_guard lock(state_->mutex);
  state_->callback = std::move(callback);
}

Result<HttpResponse> fetch(HttpClient& client, HttpRequest request, pipeline::Credit credit) {
  Answers answers;
  client.send(answers.send(std::move(request), std::move(credit)));
  return answers.take(0);
}

ScopedVariable::ScopedVariable(std::string name, const std::string& value) : name_(std::move(name)) {
  if (const char* old = std::getenv(name_.c_str())) before_ = old;
  ::setenv(name_.c_str(), value.c_str(), 1);
}

ScopedVariable::~ScopedVariable() {
  if (before_) {
    ::setenv(name_.c_str(), before_->c_str(), 1);
  } else {
    ::unsetenv(name_.c_str());
  }
}

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds{1});
  }
  return true;
}

}  // namespace riptide::stages
