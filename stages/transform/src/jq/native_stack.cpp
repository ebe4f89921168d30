#include "jq/native_stack.hpp"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <new>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define RIPTIDE_ASAN_FIBERS 1
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#define RIPTIDE_TSAN_FIBERS 1
#include <sanitizer/tsan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RIPTIDE_ASAN_FIBERS 1
#include <sanitizer/common_interface_defs.h>
#elif __has_feature(thread_sanitizer)
#define RIPTIDE_TSAN_FIBERS 1
#include <sanitizer/tsan_interface.h>
#endif
#endif

namespace riptide::transform::jq {
namespace {

constexpr std::size_t kFirstSegment = std::size_t{512} << 10;
constexpr std::size_t kLargestSegment = std::size_t{8} << 20;
constexpr std::size_t kReserve = std::size_t{48} << 10;  ///< For the calls that do not look.

struct Segment {
  void* memory = nullptr;
  std::size_t size = 0;
};

// The segments of this thread, the innermost last; those past `used` wait to be used again.
struct Segments {
  std::vector<Segment> all;
  std::size_t used = 0;
  std::size_t charged = 0;
  Heap* heap = nullptr;

  void give_back(std::size_t keep) noexcept {
    while (all.size() > keep) {
      munmap(all.back().memory, all.back().size);
      all.pop_back();
    }
    if (heap != nullptr && charged > 0) heap->discharge(charged);
    charged = 0;
    heap = nullptr;
  }
  ~Segments() {
    heap = nullptr;
    give_back(0);
  }
};

Segments& segments() {
  static thread_local Segments here;
  return here;
}

}  // namespace

struct SegmentCall {
  void (*function)(void*) = nullptr;
  void* context = nullptr;
  std::exception_ptr error;
  ucontext_t here{};
  ucontext_t there{};
#if defined(RIPTIDE_ASAN_FIBERS)
  void* fake_stack = nullptr;
  const void* home_bottom = nullptr;
  std::size_t home_size = 0;
#elif defined(RIPTIDE_TSAN_FIBERS)
  void* home_fiber = nullptr;
#endif

  static char*& limit() { return NativeStack::limit(); }

  static void enter(unsigned high, unsigned low) {
    auto* call = reinterpret_cast<SegmentCall*>((static_cast<std::uintptr_t>(high) << 32) | low);
#if defined(RIPTIDE_ASAN_FIBERS)
    __sanitizer_finish_switch_fiber(nullptr, &call->home_bottom, &call->home_size);
#endif
    try {
      call->function(call->context);
    } catch (...) {
      call->error = std::current_exception();
    }
#if defined(RIPTIDE_ASAN_FIBERS)
    __sanitizer_start_switch_fiber(nullptr, call->home_bottom, call->home_size);
#elif defined(RIPTIDE_TSAN_FIBERS)
    __tsan_switch_to_fiber(call->home_fiber, 0);
#endif
    setcontext(&call->here);
  }
};

NativeStack::Scope::Scope(std::size_t bytes) noexcept : outermost_(limit() == nullptr) {
  if (outermost_) limit() = static_cast<char*>(__builtin_frame_address(0)) - bytes;
}

NativeStack::Scope::~Scope() {
  if (!outermost_) return;
  limit() = nullptr;
  if (!segments().all.empty()) segments().give_back(1);
}

void NativeStack::call_elsewhere(void (*function)(void*), void* context) {
  Segments& stacks = segments();
  if (stacks.used == stacks.all.size()) {
    const std::size_t size = stacks.all.empty() ? kFirstSegment : std::min(stacks.all.back().size * 2, kLargestSegment);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    stacks.all.push_back({memory, size});
  }
  const Segment segment = stacks.all[stacks.used];
  if (Heap* heap = Heap::current(); heap != nullptr && (stacks.heap == nullptr || stacks.heap == heap)) {
    // Charged once for each depth of segments that was reached in this scope.
    std::size_t reached = 0;
    for (std::size_t i = 0; i <= stacks.used; ++i) reached += stacks.all[i].size;
    if (reached > stacks.charged) {
      heap->charge(reached - stacks.charged);
      stacks.charged = reached;
      stacks.heap = heap;
    }
  }
  ++stacks.used;
  char* const previous = limit();
  SegmentCall call;
  call.function = function;
  call.context = context;
  getcontext(&call.there);
  call.there.uc_stack.ss_sp = segment.memory;
  call.there.uc_stack.ss_size = segment.size;
  call.there.uc_link = nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(&call);
  makecontext(&call.there, reinterpret_cast<void (*)()>(&SegmentCall::enter), 2, static_cast<unsigned>(address >> 32),
              static_cast<unsigned>(address & 0xFFFFFFFFu));
  limit() = static_cast<char*>(segment.memory) + kReserve;
#if defined(RIPTIDE_ASAN_FIBERS)
  __sanitizer_start_switch_fiber(&call.fake_stack, segment.memory, segment.size);
  swapcontext(&call.here, &call.there);
  __sanitizer_finish_switch_fiber(call.fake_stack, nullptr, nullptr);
#elif defined(RIPTIDE_TSAN_FIBERS)
  call.home_fiber = __tsan_get_current_fiber();
  void* fiber = __tsan_create_fiber(0);
  __tsan_switch_to_fiber(fiber, 0);
  swapcontext(&call.here, &call.there);
  __tsan_destroy_fiber(fiber);
#else
  swapcontext(&call.here, &call.there);
#endif
  limit() = previous;
  --stacks.used;
  if (call.error) std::rethrow_exception(call.error);
}

}  // namespace riptide::transform::jq
