// TLS against a server with a certificate of its own making (`openssl s_server`).
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "fetch_fixture.hpp"

extern char** environ;

namespace riptide::stages {
namespace {

using testing::AllOf;
using testing::HasSubstr;

pid_t spawn(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  if (posix_spawnp(&child, argv[0], &quiet, nullptr, argv.data(), environ) != 0) child = -1;
  posix_spawn_file_actions_destroy(&quiet);
  return child;
}

bool runs(std::vector<std::string> arguments) {
  const pid_t child = spawn(std::move(arguments));
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int loopback_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::uint16_t free_port() {
  const int fd = loopback_socket();
  sockaddr_in address = loopback_address(0);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
  const int fd = loopback_socket();
  const sockaddr_in address = loopback_address(port);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    if (!runs({"openssl", "version"})) GTEST_SKIP() << "the openssl program is not there: TLS failures are not tested";
    std::string pattern = (std::filesystem::temp_directory_path() / "riptide-tls-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    ASSERT_TRUE(runs({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                      "-keyout", path("key.pem"), "-out", path("cert.pem"), "-days", "2", "-subj", "/CN=riptide.test",
                      "-addext", "subjectAltName=IP:127.0.0.1"}));
    port_ = free_port();
    server_ = spawn({"openssl", "s_server", "-quiet", "-www", "-accept", "127.0.0.1:" + std::to_string(port_), "-key",
                     path("key.pem"), "-cert", path("cert.pem")});
    ASSERT_GT(server_, 0);
    ASSERT_TRUE(eventually([&] { return listens(port_); }));
  }

  void TearDown() override {
    if (server_ > 0) {
      ::kill(server_, SIGKILL);
      ::waitpid(server_, nullptr, 0);
    }
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  std::string path(const char* name) const { return directory_ + "/" + name; }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_) + "/"; }

  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t server_ = -1;
};

TEST_F(Tls, AnUnknownAuthorityIsRefusedAtOnceAndSaysWhatToDo) {
  const auto client = start_client();
  const auto answer = fetch(*client, get(url()));
  EXPECT_THAT(answer,
              FailsWith(ErrorKind::kTransport, AllOf(HasSubstr("TLS failed with " + url()),
                                                     HasSubstr("self-signed certificate"), HasSubstr("SSL_CERT_FILE"),
                                                     HasSubstr("SSL_CERT_DIR"), testing::Not(HasSubstr("attempts")))));
}

TEST_F(Tls, TheCertificateFileOfTheEnvironmentIsTrusted) {
  const ScopedVariable variable("SSL_CERT_FILE", path("cert.pem"));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, get(url())), HasStatus(200));
}

TEST_F(Tls, TheCertificateDirectoryOfTheEnvironmentIsTrusted) {
  std::filesystem::create_directory(path("trusted"));
  std::filesystem::copy(path("cert.pem"), path("trusted/cert.pem"));
  ASSERT_TRUE(runs({"openssl", "rehash", path("trusted")}));
  const ScopedVariable variable("SSL_CERT_DIR", path("trusted"));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, get(url())), HasStatus(200));
}

TEST_F(Tls, AnotherNameIsRefused) {
  // Only the address is in the certificate.
  const ScopedVariable variable("SSL_CERT_FILE", path("cert.pem"));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, get("https://localhost:" + std::to_string(port_) + "/")),
              FailsWith(ErrorKind::kTransport, AllOf(HasSubstr("TLS failed"), HasSubstr("host name 'localhost'"))));
}

TEST_F(Tls, ACertificateFileThatIsNotThereIsNamed) {
  const ScopedVariable variable("SSL_CERT_FILE", path("absent.pem"));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, get(url())),
              FailsWith(ErrorKind::kTransport, AllOf(HasSubstr("SSL_CERT_FILE"), HasSubstr("absent.pem"))));
}

TEST_F(Tls, VerificationCanBeSwitchedOff) {
  HttpClientOptions options = quick_options();
  options.verify_tls = false;
  const auto client = start_client(options);
  EXPECT_THAT(fetch(*client, get(url())), HasStatus(200));
}

TEST(TlsOf, APlainServerIsNamed) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  HttpClientOptions options = quick_options();
  options.retry.attempts = 2;
  const auto client = start_client(options);
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port()) + "/x";
  EXPECT_THAT(fetch(*client, get(url)),
              FailsWith(ErrorKind::kTransport, AllOf(HasSubstr("TLS failed with " + url), HasSubstr("scheme"))));
}

}  // namespace
}  // namespace riptide::stages
