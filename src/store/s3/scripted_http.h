// For tests only: an HTTP client that answers by a script.
//
// Threads: safe; concurrent requests take the next answers in the order they come.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "net/http_client.h"

namespace tarn::store {

// A scripted server: each request takes the next answer.
class ScriptedHttp final : public net::HttpClient {
 public:
  using Answer = std::function<Result<net::HttpResponse>(const net::HttpRequest&)>;
  std::deque<Answer> answers;
  std::vector<std::string> seen;           // "GET http://…"
  std::vector<net::HttpRequest> requests;  // their bodies are gone

  Result<net::HttpResponse> Send(const net::HttpRequest& request) override {
    std::lock_guard lock(mutex_);
    seen.push_back(request.method + " " + request.url);
    requests.push_back(request);
    if (answers.empty()) return Status::Internal("an unexpected request: " + seen.back());
    Answer answer = std::move(answers.front());
    answers.pop_front();
    return answer(request);
  }

 private:
  std::mutex mutex_;
};

inline ScriptedHttp::Answer Reply(int status, std::string body = "",
                                  std::map<std::string, std::string> headers = {}) {
  return [=](const net::HttpRequest&) -> Result<net::HttpResponse> {
    return net::HttpResponse{status, headers, body};
  };
}
inline ScriptedHttp::Answer Lost() {
  return [](const net::HttpRequest&) -> Result<net::HttpResponse> {
    return Status::OutcomeUnknown("reset");
  };
}

}  // namespace tarn::store
