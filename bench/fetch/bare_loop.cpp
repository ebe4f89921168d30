#include "bare_loop.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <deque>

namespace riptide::bench {
namespace {

struct Transfer {
  CURL* easy = curl_easy_init();
  std::string body;
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  static_cast<Transfer*>(user)->body.append(data, size * count);
  return size * count;
}

}  // namespace

std::size_t fetch_bare(const std::string& url, std::size_t requests, std::size_t in_flight) {
  CURLM* multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(in_flight));
  std::deque<Transfer> transfers(std::min(in_flight, requests));
  std::size_t begun = 0;
  std::size_t done = 0;
  std::size_t bytes = 0;
  bool fine = true;
  for (Transfer& transfer : transfers) {
    curl_easy_setopt(transfer.easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(transfer.easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(transfer.easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(transfer.easy, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(transfer.easy, CURLOPT_BUFFERSIZE, 64L << 10);
    curl_easy_setopt(transfer.easy, CURLOPT_NOSIGNAL, 1L);
    curl_multi_add_handle(multi, transfer.easy);
    ++begun;
  }
  while (done < requests && fine) {
    int alive = 0;
    curl_multi_perform(multi, &alive);
    int left = 0;
    bool finished = false;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      finished = true;
      Transfer* transfer = nullptr;
      CURL* easy = message->easy_handle;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      fine = fine && message->data.result == CURLE_OK && status == 200;
      curl_multi_remove_handle(multi, easy);
      ++done;
      bytes += transfer->body.size();
      transfer->body.clear();
      if (begun == requests) continue;
      ++begun;
      curl_multi_add_handle(multi, easy);
    }
    if (!finished && done < requests) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  for (Transfer& transfer : transfers) {
    curl_multi_remove_handle(multi, transfer.easy);
    curl_easy_cleanup(transfer.easy);
  }
  curl_multi_cleanup(multi);
  return fine ? bytes : 0;
}

}  // namespace riptide::bench
