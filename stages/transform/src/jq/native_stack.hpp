#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "jq/heap.hpp"

namespace riptide::transform::jq {

/// Recursion without overflow: code that recurses as deep as its input says wraps its recursive step in
/// `with_native_stack`. As long as there is room that costs a comparison; else the step goes on in a further segment
/// of memory, charged to the current heap, whose budget so bounds the depth (LimitExceeded).
class NativeStack {
 public:
  /// Allows the code inside `bytes` of the thread's own stack, from here on. Nested scopes change nothing.
  class Scope {
   public:
    explicit Scope(std::size_t bytes = std::size_t{128} << 10) noexcept;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    bool outermost_;
  };

  [[nodiscard]] static bool low() noexcept { return static_cast<char*>(__builtin_frame_address(0)) < limit(); }

  /// Calls `function(context)` on another segment; its exceptions come through.
  static void call_elsewhere(void (*function)(void*), void* context);

 private:
  friend struct SegmentCall;
  static char*& limit() noexcept {
    static thread_local char* lowest = nullptr;
    return lowest;
  }
};

template <class F>
inline auto with_native_stack(F&& function) -> std::invoke_result_t<F> {
  using R = std::invoke_result_t<F>;
  if (!NativeStack::low()) [[likely]]
    return function();
  if constexpr (std::is_void_v<R>) {
    NativeStack::call_elsewhere([](void* context) { (*static_cast<std::remove_reference_t<F>*>(context))(); },
                                &function);
  } else {
    struct Call {
      std::remove_reference_t<F>* function;
      R result;
    } call{&function, R{}};
    NativeStack::call_elsewhere(
        [](void* context) {
          auto* pending = static_cast<Call*>(context);
          pending->result = (*pending->function)();
        },
        &call);
    return std::move(call.result);
  }
}

}  // namespace riptide::transform::jq
