// What breaks on the wire is tried again, and named when it stays broken.
#include "fetch_fixture.hpp"

namespace riptide::stages {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct FaultCase {
  const char* name;
  Reply reply;
  const char* says;
};

void PrintTo(const FaultCase& c, std::ostream* out) { *out << c.name; }

class WireFault : public testing::TestWithParam<FaultCase> {};

TEST_P(WireFault, IsTriedAgain) {
  LoopbackServer server(Script().at("/a", {GetParam().reply, GetParam().reply, Reply::json("{\"fine\":1}")}));
  const auto client = start_client();
  const auto answer = fetch(*client, get(server.url("/a")));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->body->view(), "{\"fine\":1}");
  EXPECT_EQ(answer->attempts, 3);
}

TEST_P(WireFault, EndsAsAnErrorThatNamesIt) {
  LoopbackServer server(Script().at("/a", GetParam().reply));
  const auto client = start_client();
  const auto answer = fetch(*client, get(server.url("/a?key=hidden")));
  EXPECT_THAT(answer, FailsWith(ErrorKind::kTransport, AllOf(HasSubstr(server.url("/a")), HasSubstr("after 4 attempts"),
                                                             HasSubstr(GetParam().says), Not(HasSubstr("hidden")))));
  EXPECT_EQ(server.num_requests(), 4u);
}

Reply cut_gzip(std::size_t missing) {
  Reply reply = Reply::gzipped(std::string(100'000, 'x') + "abcdefghijklmnopqrstuvwxyz");
  reply.body.resize(reply.body.size() - missing);
  return reply;
}

Reply labelled(const char* coding) { return Reply::json("{\"not\":\"that\"}").with_header("Content-Encoding", coding); }

INSTANTIATE_TEST_SUITE_P(
    Kinds, WireFault,
    testing::Values(
        FaultCase{"reset mid-body", Reply::json(std::string(100'000, 'x')).with_fault(Fault::kReset, 50'000), "broke"},
        FaultCase{"reset before the body", Reply::json("{}").with_fault(Fault::kReset, 0), "/a"},
        FaultCase{"no answer", Reply::json("{}").with_fault(Fault::kNoAnswer), "broke"},
        FaultCase{"shorter than its length", Reply::json("{\"a\":1}").with_fault(Fault::kCloseEarly, 3), "cut short"},
        FaultCase{"no body at all",
                  Reply::json("{}").with_header("Content-Length", "100").with_fault(Fault::kCloseEarly), "cut short"},
        FaultCase{"chunks cut",
                  Reply::json(std::string(20'000, 'x')).with_chunks().with_fault(Fault::kCloseEarly, 9'000),
                  "cut short"},
        FaultCase{"last chunk missing",
                  Reply::raw_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), "cut short"},
        FaultCase{"chunk size is nonsense",
                  Reply::raw_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), "/a"},
        FaultCase{"gzip without its last byte", cut_gzip(1), "compressed answer was cut short"},
        FaultCase{"gzip without its trailer", cut_gzip(8), "compressed answer was cut short"},
        FaultCase{"gzip cut in half", cut_gzip(100), "compressed answer was cut short"},
        FaultCase{"not gzip", labelled("gzip"), "not valid gzip"},
        FaultCase{"not deflate", labelled("deflate"), "compressed answer was cut short"},
        FaultCase{"a coding nobody asked for", labelled("br"), "not asked for"},
        FaultCase{"two codings", labelled("gzip, gzip"), "not asked for"},
        FaultCase{"not HTTP", Reply::raw_bytes("SSH-2.0-OpenSSH_9.2\r\n"), "not HTTP"}));

TEST(Transport, ADeadHostIsNamedWithItsReason) {
  std::string url;
  {
    LoopbackServer gone([](const ReceivedRequest&) { return Reply::text(200); });
    url = gone.url("/x");
  }
  const auto client = start_client();
  EXPECT_THAT(
      fetch(*client, get(url)),
      FailsWith(ErrorKind::kTransport, AllOf(HasSubstr("could not connect to " + url + ": Connection refused"),
                                             HasSubstr("check the server URL"), HasSubstr("after 4 attempts"))));
}

TEST(Transport, AnUnknownHostIsNamed) {
  HttpClientOptions options = quick_options();
  options.retry.attempts = 2;
  const auto client = start_client(options);
  EXPECT_THAT(fetch(*client, get("http://riptide.invalid/x")),
              FailsWith(ErrorKind::kTransport, AllOf(HasSubstr("could not find the host of http://riptide.invalid/x"),
                                                     HasSubstr("check the server URL"))));
}

TEST(Transport, AServerThatHangsEndsInATimeout) {
  LoopbackServer server(Script()
                            .at("/silent", Reply::json("{}").with_fault(Fault::kHang))
                            .at("/half", Reply::json("{\"a\":1}").with_fault(Fault::kHang, 3)));
  HttpClientOptions options = quick_options();
  options.total_timeout = milliseconds{250};
  options.retry.attempts = 2;
  const auto client = start_client(options);
  for (const char* path : {"/silent", "/half"}) {
    EXPECT_THAT(fetch(*client, get(server.url(path))),
                FailsWith(ErrorKind::kTransport, AllOf(HasSubstr("no complete answer from " + server.url(path)),
                                                       HasSubstr("250 ms"), HasSubstr("after 2 attempts"))));
    EXPECT_EQ(server.requests_to(path).size(), 2u);
  }
}

TEST(Transport, AStalledBodyEndsBeforeTheTotalTime) {
  LoopbackServer server(Script().at("/a", Reply::json(std::string(1'000, 'x')).with_fault(Fault::kHang, 10)));
  HttpClientOptions options = quick_options();
  options.stall_timeout = milliseconds{1'000};
  options.stall_bytes_per_second = 1'000;
  options.total_timeout = milliseconds{15'000};
  options.retry.attempts = 1;
  const auto client = start_client(options);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(fetch(*client, get(server.url("/a"))), FailsWith(ErrorKind::kTransport, HasSubstr("no complete answer")));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds{8'000});
}

TEST(Transport, ASlowBodyIsFine) {
  LoopbackServer server(Script().at("/a", Reply::json(std::string(100, 'x')).with_drip(10, milliseconds{5})));
  const auto client = start_client();
  const auto answer = fetch(*client, get(server.url("/a")));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->body->size(), 100u);
}

}  // namespace
}  // namespace riptide::stages
