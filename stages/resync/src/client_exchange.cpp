#include "riptide/stages/client_exchange.hpp"

#include <future>
#include <memory>
#include <utility>

namespace riptide::stages {

std::vector<pipeline::Result<HttpResponse>> ClientExchange::ask(std::vector<HttpRequest> requests,
                                                                std::chrono::milliseconds pause) {
  std::vector<std::future<pipeline::Result<HttpResponse>>> to_come;
  std::vector<Send> sends;
  for (HttpRequest& request : requests) {
    auto promise = std::make_shared<std::promise<pipeline::Result<HttpResponse>>>();
    to_come.push_back(promise->get_future());
    Send& send = sends.emplace_back();
    send.request = std::move(request);
    send.not_before = pause;
    send.done = [promise](pipeline::Result<HttpResponse> answer) { promise->set_value(std::move(answer)); };
  }
  client_.send_all(std::move(sends));
  std::vector<pipeline::Result<HttpResponse>> answers;
  for (auto& answer : to_come) answers.push_back(answer.get());
  return answers;
}

}  // namespace riptide::stages
