#include "journal/journal_tail.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

namespace riptide::stages {
namespace {

constexpr std::size_t kHalves = 2;
constexpr std::size_t kFileBytes = kHalves * JournalTail::kHalfBytes;
constexpr std::uint64_t kMagic = 0x316C696174647472;  // "rtdtail1"

class Descriptor {
 public:
  explicit Descriptor(int value) noexcept : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return value_; }

 private:
  int value_;
};

}  // namespace

struct JournalTail::Header {
  std::uint64_t magic;
  std::uint64_t nonce;
  std::atomic<std::uint64_t> used;  ///< Bytes of notes behind the header: each note whole.
};

JournalTail::Header& JournalTail::header(std::size_t half) noexcept {
  return *reinterpret_cast<Header*>(map_ + half * kHalfBytes);
}

pipeline::Result<std::unique_ptr<JournalTail>> JournalTail::create(const std::string& path, std::uint64_t nonce) {
  const auto failed = [&path](int code) {
    return pipeline::unexpected(pipeline::ErrorKind::kTransport,
                                "no tail of the journal: " + std::generic_category().message(code) + ", file=" + path);
  };
  remove(path);
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return failed(errno);
  // Writing into a mapped page that the disk has no room for would be the end of the process.
  if (const int code = ::posix_fallocate(file.get(), 0, kFileBytes); code != 0) {
    remove(path);
    return failed(code);
  }
  void* const map = ::mmap(nullptr, kFileBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (map == MAP_FAILED) {
    const int code = errno;
    remove(path);
    return failed(code);
  }
  std::unique_ptr<JournalTail> tail(new JournalTail(static_cast<char*>(map)));
  for (std::size_t half = 0; half < kHalves; ++half) {
    Header& header = *new (tail->map_ + half * kHalfBytes) Header{kMagic, nonce, 0};
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
    (void)header;
  }
  return tail;
}

JournalTail::~JournalTail() { ::munmap(map_, kFileBytes); }

void JournalTail::remove(const std::string& path) noexcept { ::unlink(path.c_str()); }

bool JournalTail::note(std::string_view text) noexcept {
  Header& half = header(half_);
  const std::uint64_t used = half.used.load(std::memory_order_relaxed);
  constexpr std::size_t kFrame = 2 * sizeof(std::uint64_t);  // Length and digest.
  if (sizeof(Header) + used + kFrame + text.size() > kHalfBytes) return false;
  char* const at = map_ + half_ * kHalfBytes + sizeof(Header) + used;
  const std::uint64_t frame[2] = {text.size(), XXH3_64bits(text.data(), text.size())};
  std::memcpy(at, frame, kFrame);
  std::memcpy(at + kFrame, text.data(), text.size());
  half.used.store(used + kFrame + text.size(), std::memory_order_release);
  return true;
}

bool JournalTail::turn() noexcept {
  if (header(1 - half_).used.load(std::memory_order_relaxed) != 0) return false;
  half_ = 1 - half_;
  return true;
}

void JournalTail::swept() noexcept { header(1 - half_).used.store(0, std::memory_order_release); }

void JournalTail::read(const std::string& path, std::uint64_t nonce,
                       const std::function<void(std::string_view)>& visit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) return;
  std::string bytes(kFileBytes, '\0');
  for (std::size_t read = 0; read < bytes.size();) {
    const ssize_t got = ::pread(file.get(), bytes.data() + read, bytes.size() - read, static_cast<off_t>(read));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    read += static_cast<std::size_t>(got);
  }
  for (std::size_t half = 0; half < kHalves; ++half) {
    std::string_view rest = std::string_view(bytes).substr(half * kHalfBytes, kHalfBytes);
    const auto word = [&rest] {
      std::uint64_t value = 0;
      if (rest.size() < sizeof value) return value;
      std::memcpy(&value, rest.data(), sizeof value);
      rest.remove_prefix(sizeof value);
      return value;
    };
    if (word() != kMagic || word() != nonce) continue;
    const std::uint64_t used = word();
    if (used > rest.size()) continue;
    rest = rest.substr(0, static_cast<std::size_t>(used));
    while (!rest.empty()) {
      const std::uint64_t length = word();
      const std::uint64_t digest = word();
      if (length > rest.size() || length == 0) break;
      const std::string_view text = rest.substr(0, static_cast<std::size_t>(length));
      if (XXH3_64bits(text.data(), text.size()) != digest) break;
      visit(text);
      rest.remove_prefix(text.size());
    }
  }
}

}  // namespace riptide::stages
