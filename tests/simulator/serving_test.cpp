#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "blocking_client.hpp"

namespace riptide::simulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

OctopusOptions small() {
  OctopusOptions options;
  options.spaces = 3;
  options.kinds = {{.name = "project", .records_per_space = {200, 200, 200}}};
  return options;
}

std::string unpack(const std::string& packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string plain(8 << 20, '\0');
  std::string input = packed;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0U);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

TEST(Serving, OneConnectionServesManyRequests) {
  const auto server = start(small());
  BlockingClient client(server->port());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.get("/api/Spaces-2/projects?take=10").status, 200);
  const ServerStats stats = server->stats();
  EXPECT_EQ(stats.connections, 1U);
  EXPECT_EQ(stats.requests, 50U);
  EXPECT_EQ(stats.by_status.at(200), 50U);
  EXPECT_GT(stats.bytes, 50U * 10U * 2'000U);
  EXPECT_EQ(stats.max_in_service, 1U);
  EXPECT_GT(stats.cpu.count(), 0);
}

TEST(Serving, PipelinedRequestsAreAnsweredInOrder) {
  OctopusOptions options = small();
  options.latency = milliseconds{2};
  const auto server = start(options);
  BlockingClient client(server->port());
  std::string requests;
  for (int i = 1; i <= 3; ++i) {
    requests += "GET /api/spaces/Spaces-" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  client.send(requests);
  for (int i = 1; i <= 3; ++i) EXPECT_THAT(client.read().body, HasSubstr("\"Spaces-" + std::to_string(i) + "\""));
}

TEST(Serving, ARequestMayArriveInPieces) {
  const auto server = start(small());
  BlockingClient client(server->port());
  const std::string request = "GET /api/spaces HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const char byte : request) client.send(std::string_view(&byte, 1));
  EXPECT_EQ(client.read().status, 200);
}

TEST(Serving, AnAnswerLargerThanEveryBuffer) {
  OctopusOptions options = small();
  options.kinds[0].records_per_space = {20'000, 0, 0};
  options.max_take = 20'000;
  const auto server = start(options);
  BlockingClient client(server->port());
  client.send("GET /api/Spaces-1/projects?take=20000 HTTP/1.1\r\nHost: x\r\n\r\n");
  // Others are served while this one does not read.
  EXPECT_EQ(get(*server, "/api/spaces").status, 200);
  const Reply reply = client.read();
  EXPECT_GT(reply.body.size(), 40'000'000U);
  EXPECT_EQ(ids_of(reply.body).size(), 20'000U);
  EXPECT_EQ(client.get("/api/spaces").status, 200);
}

TEST(Serving, CloseIsHonoured) {
  const auto server = start(small());
  for (const char* request :
       {"GET /api/spaces HTTP/1.1\r\nConnection: close\r\n\r\n", "GET /api/spaces HTTP/1.0\r\n\r\n"}) {
    BlockingClient client(server->port());
    client.send(request);
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("connection"), "close");
    EXPECT_TRUE(client.at_end());
  }
}

TEST(Serving, WhatIsNoRequestIsRefused) {
  const auto server = start(small());
  const struct {
    std::string request;
    int status;
  } cases[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET /api/spaces\r\n\r\n", 400},
      {"GET  HTTP/1.1\r\n\r\n", 400},
      {"GET /api/spaces HTTP/2.0\r\n\r\n", 400},
      {"GET api/spaces HTTP/1.1\r\n\r\n", 400},
      {"GET /api/\x01 HTTP/1.1\r\n\r\n", 400},
      {"GET /api/spaces HTTP/1.1\r\nno colon\r\n\r\n", 400},
      {"GET /api/spaces HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"GET /api/spaces HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", 413},
      {"GET /api/spaces HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413},
      {"POST /api/spaces HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 405},
      {"DELETE /api/spaces HTTP/1.1\r\n\r\n", 405},
      {"GET /api/spaces HTTP/1.1\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n", 431},
      {std::string(100'000, 'x'), 431},
      {std::string(100'000, '\0'), 431},
      {"\r\n\r\nGET /api/spaces HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 200},
  };
  for (const auto& c : cases) {
    BlockingClient client(server->port());
    client.send(c.request);
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, c.status) << c.request.substr(0, 60);
    if (c.status != 200) {
      EXPECT_THAT(reply.body, HasSubstr("ErrorMessage"));
    }
  }
  EXPECT_EQ(get(*server, "/api/spaces").status, 200);
}

TEST(Serving, AClientThatLeavesInTheMiddle) {
  OctopusOptions options = small();
  options.latency = milliseconds{5};
  options.capacity = 1;
  const auto server = start(options);
  for (int i = 0; i < 3; ++i) {
    BlockingClient client(server->port());
    client.send("GET /api/Spaces-1/projects?take=200 HTTP/1.1\r\n\r\n");
  }
  BlockingClient half(server->port());
  half.send("GET /api/Spa");
  EXPECT_EQ(get(*server, "/api/spaces").status, 200) << "its place in the capacity is free again";
}

TEST(Serving, TheKeyIsAskedFor) {
  OctopusOptions options = small();
  options.api_key = "API-SECRET";
  const auto server = start(options);
  for (const char* header : {"", "X-Octopus-ApiKey: API-WRONG\r\n", "X-Octopus-ApiKey:\r\n"}) {
    const Reply reply = get(*server, "/api/spaces", header);
    EXPECT_EQ(reply.status, 401);
    EXPECT_THAT(reply.body, HasSubstr("ErrorMessage"));
  }
  EXPECT_EQ(get(*server, "/api/spaces", "X-Octopus-ApiKey: API-SECRET\r\n").status, 200);
  EXPECT_EQ(get(*server, "/api/spaces", "x-octopus-apikey:  API-SECRET \r\n").status, 200);
}

TEST(Serving, Gzip) {
  OctopusOptions options = small();
  options.gzip = true;
  options.gzip_ahead_take = 50;
  const auto server = start(options);
  BlockingClient client(server->port());
  for (const char* target : {"/api/Spaces-2/projects?take=50&skip=150", "/api/Spaces-2/projects?take=7",
                             "/api/Spaces-2/projects/all", "/api/spaces"}) {
    const Reply plain = client.get(target);
    EXPECT_EQ(plain.headers.count("content-encoding"), 0U);
    for (int i = 0; i < 2; ++i) {
      const Reply packed = client.get(target, "Accept-Encoding: deflate, gzip\r\n");
      EXPECT_EQ(packed.headers.at("content-encoding"), "gzip") << target;
      EXPECT_LT(packed.body.size() * 2, plain.body.size());
      EXPECT_EQ(unpack(packed.body), plain.body);
    }
    EXPECT_EQ(client.get(target, "Accept-Encoding: gzip;q=0\r\n").headers.count("content-encoding"), 0U);
  }
  EXPECT_EQ(client.get("/api/Spaces-9/projects", "Accept-Encoding: gzip\r\n").status, 404);
  server->create("Spaces-2", "project");
  const Reply later = client.get("/api/Spaces-2/projects?take=50&skip=150", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(number_of(unpack(later.body), "TotalResults"), 201) << "the cache is of now";
}

TEST(Serving, GzipIsOffUnlessAsked) {
  const auto server = start(small());
  EXPECT_EQ(get(*server, "/api/spaces", "Accept-Encoding: gzip\r\n").headers.count("content-encoding"), 0U);
}

TEST(Serving, LatencyIsKeptAndRequestsOverlap) {
  OctopusOptions options = small();
  options.latency = milliseconds{40};
  const auto server = start(options);
  std::vector<std::unique_ptr<BlockingClient>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<BlockingClient>(server->port()));
  const auto before = steady_clock::now();
  for (const auto& client : clients) client->send("GET /api/spaces HTTP/1.1\r\n\r\n");
  EXPECT_EQ(clients[0]->read().status, 200);
  EXPECT_GE(steady_clock::now() - before, milliseconds{40});
  for (std::size_t i = 1; i < clients.size(); ++i) EXPECT_EQ(clients[i]->read().status, 200);
  EXPECT_LT(steady_clock::now() - before, milliseconds{400}) << "one after the other takes 800 ms";
  EXPECT_EQ(server->stats().max_in_service, 20U);
}

TEST(Serving, JitterAddsUpToItsLimit) {
  OctopusOptions options = small();
  options.latency = milliseconds{2};
  options.latency_jitter = milliseconds{20};
  const auto server = start(options);
  BlockingClient client(server->port());
  const auto time = [&](const std::string& target) {
    const auto before = steady_clock::now();
    client.get(target);
    return steady_clock::now() - before;
  };
  steady_clock::duration least = std::chrono::hours{1};
  steady_clock::duration most{0};
  for (int i = 0; i < 20; ++i) {
    const auto took = time("/api/spaces?skip=" + std::to_string(i));
    EXPECT_GE(took, milliseconds{2});
    least = std::min(least, took);
    most = std::max(most, took);
  }
  EXPECT_GT(most - least, milliseconds{8});
}

TEST(Serving, CapacityMakesOthersWaitInOrder) {
  OctopusOptions options = small();
  options.latency = milliseconds{10};
  options.capacity = 4;
  std::vector<std::string> order;
  options.before_answer = [&order](std::string_view target) { order.emplace_back(target); };
  const auto server = start(options);
  std::vector<std::unique_ptr<BlockingClient>> clients;
  const auto before = steady_clock::now();
  std::vector<std::string> targets;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<BlockingClient>(server->port()));
    targets.push_back("/api/spaces?skip=" + std::to_string(i));
    clients.back()->send("GET " + targets.back() + " HTTP/1.1\r\n\r\n");
  }
  for (const auto& client : clients) EXPECT_EQ(client->read().status, 200);
  EXPECT_GE(steady_clock::now() - before, milliseconds{30});
  const ServerStats stats = server->stats();
  EXPECT_EQ(stats.max_in_service, 4U);
  EXPECT_GE(stats.max_waiting, 1U);
  EXPECT_EQ(stats.requests, 12U);
  EXPECT_EQ(order, targets);
}

TEST(Serving, StatsOverHttpCountNothing) {
  OctopusOptions options = small();
  options.api_key = "API-SECRET";
  options.latency = std::chrono::hours{1};
  options.faults.rules = {{.fault = Fault::kUnavailable}};
  const auto server = start(options);
  const Reply reply = get(*server, "/simulator/stats");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(is_json(reply.body)) << reply.body;
  EXPECT_EQ(number_of(reply.body, "requests"), 0);
  EXPECT_EQ(server->stats().requests, 0U);
}

TEST(Serving, StopsWithRequestsOpen) {
  OctopusOptions options = small();
  options.latency = std::chrono::hours{1};
  auto server = start(options);
  BlockingClient client(server->port());
  client.send("GET /api/spaces HTTP/1.1\r\n\r\n");
  const auto before = steady_clock::now();
  server.reset();
  EXPECT_LT(steady_clock::now() - before, std::chrono::seconds{5});
  EXPECT_NE(client.read().end, End::kComplete);
}

TEST(Serving, ManyConnectionsAtOnce) {
  const auto server = start(small());
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<std::unique_ptr<BlockingClient>> clients;
      for (int i = 0; i < 25; ++i) clients.push_back(std::make_unique<BlockingClient>(server->port()));
      for (int round = 0; round < 5; ++round) {
        for (const auto& client : clients) client->send("GET /api/Spaces-1/projects?take=50 HTTP/1.1\r\n\r\n");
        for (const auto& client : clients) {
          const Reply reply = client->read();
          if (reply.status == 200 && reply.body.ends_with("\"LastModifiedBy\": null}")) ++good;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 500);
  EXPECT_EQ(server->stats().requests, 500U);
}

}  // namespace
}  // namespace riptide::simulator
