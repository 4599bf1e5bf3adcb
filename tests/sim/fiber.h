// Fiber: a function with a stack of its own that runs until it yields. One thread runs them all, so
// that whoever resumes them decides every interleaving.
//
// What it does not do: no threads, no priorities. A fiber must not yield while an exception is in
// flight or inside a catch block: the C++ runtime keeps those per thread.
//
// Threads: none; all fibers belong to one thread. Under AddressSanitizer every switch is announced.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace tarn::sim {

class Fiber {
 public:
  explicit Fiber(std::function<void()> body) : body_(std::move(body)), stack_(TakeStack()) {
    getcontext(&own_);
    own_.uc_stack.ss_sp = stack_.get();
    own_.uc_stack.ss_size = kStackBytes;
    own_.uc_link = &resumer_;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&own_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2, static_cast<unsigned>(self),
                static_cast<unsigned>(self >> 32));
  }
  ~Fiber() { Spare().push_back(std::move(stack_)); }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  bool done() const { return done_; }
  // Runs it until its next Yield or its end.
  void Resume() {
    void* fake_stack = nullptr;
    Leave(&fake_stack, stack_.get(), kStackBytes);
    swapcontext(&resumer_, &own_);
    Arrive(fake_stack);
  }
  // REQUIRES: called from within this fiber.
  void Yield() {
    void* fake_stack = nullptr;
    Leave(&fake_stack, resumer_stack_, resumer_stack_bytes_);
    swapcontext(&own_, &resumer_);
    ArriveInside(fake_stack);
  }

 private:
  static constexpr size_t kStackBytes = 256 * 1024;
  using Stack = std::unique_ptr<char[]>;

  // Stacks are used again: a new one costs page faults, and there are millions of fibers.
  static std::vector<Stack>& Spare() {
    static auto* spare = new std::vector<Stack>();
    return *spare;
  }
  static Stack TakeStack() {
    if (Spare().empty()) return Stack(new char[kStackBytes]);
    Stack out = std::move(Spare().back());
    Spare().pop_back();
    return out;
  }
  static void Enter(unsigned low, unsigned high) {
    auto* self =
        reinterpret_cast<Fiber*>(static_cast<uintptr_t>(low) | static_cast<uintptr_t>(high) << 32);
    self->ArriveInside(nullptr);
    self->body_();
    self->done_ = true;
    Leave(nullptr, self->resumer_stack_, self->resumer_stack_bytes_);
  }
#if defined(__SANITIZE_ADDRESS__)
  static void Leave(void** fake_stack, const void* bottom, size_t bytes) {
    __sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
  }
  static void Arrive(void* fake_stack) {
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
  }
  void ArriveInside(void* fake_stack) {
    __sanitizer_finish_switch_fiber(fake_stack, &resumer_stack_, &resumer_stack_bytes_);
  }
#else
  static void Leave(void**, const void*, size_t) {}
  static void Arrive(void*) {}
  void ArriveInside(void*) {}
#endif

  std::function<void()> body_;
  Stack stack_;
  ucontext_t own_;
  ucontext_t resumer_;
  const void* resumer_stack_ = nullptr;
  size_t resumer_stack_bytes_ = 0;
  bool done_ = false;
};

}  // namespace tarn::sim
