#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <mutex>

namespace tarn::net {
namespace {

struct Upload {
  std::string_view rest;
};

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  static_cast<HttpResponse*>(user)->body.append(data, size * count);
  return size * count;
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& headers = static_cast<HttpResponse*>(user)->headers;
  const std::string_view line(data, size * count);
  if (line.rfind("HTTP/", 0) == 0) headers.clear();  // the reply proper after a 100 Continue
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const size_t from = line.find_first_not_of(" \t", colon + 1);
  const size_t to = line.find_last_not_of(" \t\r\n");
  headers[name] = from == std::string_view::npos || to == std::string_view::npos || to < from
                      ? ""
                      : std::string(line.substr(from, to - from + 1));
  return line.size();
}

size_t OnUpload(char* buffer, size_t size, size_t count, void* user) {
  auto& rest = static_cast<Upload*>(user)->rest;
  const size_t bytes = std::min(size * count, rest.size());
  std::memcpy(buffer, rest.data(), bytes);
  rest.remove_prefix(bytes);
  return bytes;
}

// Errors after which the server cannot have seen the request.
bool NothingWasSent(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
         code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR ||
         code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
}

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(HttpClientOptions options) : options_(std::move(options)) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }
  ~CurlClient() override {
    for (CURL* handle : idle_) curl_easy_cleanup(handle);
  }

  Result<HttpResponse> Send(const HttpRequest& request) override {
    CURL* handle = Take();
    if (handle == nullptr) return Status(StatusCode::kResource, "no memory for an HTTP request");
    HttpResponse response;
    Upload upload{request.body};
    curl_slist* headers = HeaderList(request);
    Configure(handle, request, headers, &response, &upload);
    char message[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, message);
    const CURLcode code = curl_easy_perform(handle);
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    Return(handle);
    if (request.timed_out != nullptr) *request.timed_out = code == CURLE_OPERATION_TIMEDOUT;
    if (code != CURLE_OK) return Failure(request, code, message);
    response.status = static_cast<int>(status);
    return response;
  }

 private:
  static Status Failure(const HttpRequest& request, CURLcode code, const char* message) {
    const std::string place = request.url.substr(0, request.url.find('?'));
    const std::string what = request.method + " " + place + ": " +
                             (message[0] != '\0' ? message : curl_easy_strerror(code));
    if (NothingWasSent(code)) return Status::Io(what, RetryClass::kBackoff);
    return Status::OutcomeUnknown(what);
  }

  static curl_slist* HeaderList(const HttpRequest& request) {
    curl_slist* list = nullptr;
    for (const auto& [name, value] : request.headers) {
      // curl drops "Name:" but sends an empty header for "Name;".
      list = curl_slist_append(list, (value.empty() ? name + ";" : name + ": " + value).c_str());
    }
    // Waiting for "100 Continue" costs a round trip on every small put.
    list = curl_slist_append(list, "Expect:");
    return list;
  }

  void Configure(CURL* handle, const HttpRequest& request, curl_slist* headers,
                 HttpResponse* response, Upload* upload) const {
    curl_easy_reset(handle);
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // object keys may look like "a/./b"
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "127.0.0.1,localhost,169.254.169.254,::1");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request.connect_timeout_ms));
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>(std::max<int64_t>(1, request.idle_timeout_ms / 1000)));
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, OnBody);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, response);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, OnHeader);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, response);
    if (!options_.ca_file.empty())
      curl_easy_setopt(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
    if (request.method == "HEAD") {
      curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT") {
      curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(handle, CURLOPT_READFUNCTION, OnUpload);
      curl_easy_setopt(handle, CURLOPT_READDATA, upload);
      curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    } else if (request.method == "POST") {
      curl_easy_setopt(handle, CURLOPT_POST, 1L);
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    } else if (request.method != "GET") {
      curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  CURL* Take() {
    std::lock_guard lock(mutex_);
    if (idle_.empty()) return curl_easy_init();
    CURL* handle = idle_.back();
    idle_.pop_back();
    return handle;
  }

  void Return(CURL* handle) {
    std::lock_guard lock(mutex_);
    if (static_cast<int>(idle_.size()) < options_.max_idle_connections) {
      idle_.push_back(handle);
    } else {
      curl_easy_cleanup(handle);
    }
  }

  HttpClientOptions options_;
  std::mutex mutex_;
  std::vector<CURL*> idle_;  // each keeps its connection open
};

}  // namespace

const std::string& HttpResponse::Header(const std::string& name) const {
  static const std::string kNone;
  const auto it = headers.find(name);
  return it == headers.end() ? kNone : it->second;
}

std::shared_ptr<HttpClient> MakeHttpClient(const HttpClientOptions& options) {
  return std::make_shared<CurlClient>(options);
}

}  // namespace tarn::net
