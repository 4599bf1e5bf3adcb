#include "store/s3/delete_batch.h"

#include <openssl/evp.h>

#include <pugixml.hpp>

namespace tarn::store::s3 {
namespace {

std::string Md5Base64(const std::string& bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_md5(), nullptr) != 1) return "";
  unsigned char text[2 * EVP_MAX_MD_SIZE];
  const int length = EVP_EncodeBlock(text, digest, static_cast<int>(size));
  return std::string(reinterpret_cast<const char*>(text), static_cast<size_t>(length));
}

// XML 1.0 has no way to write most control characters, not even escaped.
bool FitsXml(const std::string& key) {
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
  }
  return true;
}

std::string Escaped(const std::string& key) {
  std::string out;
  for (const char c : key) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\r': out += "&#13;"; break;
      case '\n': out += "&#10;"; break;
      case '\t': out += "&#9;"; break;
      default: out += c;
    }
  }
  return out;
}

Status DeleteOne(S3Client& client, const std::string& key) {
  S3Request request;
  request.kind = RequestKind::kDelete;
  request.method = "DELETE";
  request.key = key;
  TARN_ASSIGN_OR_RETURN(const auto reply, client.Send(request));
  if (reply.http.succeeded() || reply.http.status == 404) return Status::Ok();
  return client.ErrorOf(reply.http, request);
}

Status DeleteEach(S3Client& client, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) TARN_RETURN_IF_ERROR(DeleteOne(client, key));
  return Status::Ok();
}

}  // namespace

Status DeleteBatch(S3Client& client, const std::vector<std::string>& full_keys) {
  std::string body =
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  std::vector<std::string> apart;
  for (const std::string& key : full_keys) {
    if (FitsXml(key)) {
      body += "<Object><Key>" + Escaped(key) + "</Key></Object>";
    } else {
      apart.push_back(key);
    }
  }
  body += "</Delete>";
  if (apart.size() < full_keys.size()) {
    S3Request request;
    request.kind = RequestKind::kDelete;
    request.method = "POST";
    request.query = {{"delete", ""}};
    request.headers = {{"content-md5", Md5Base64(body)}, {"content-type", "application/xml"}};
    request.body = body;
    const auto reply = client.Send(request);
    const bool unknown =
        reply.ok() ? reply->http.status == 404 && ErrorCode(reply->http.body) != "NoSuchBucket"
                   : reply.status().message().find("NotImplemented") != std::string::npos;
    if (unknown) return DeleteEach(client, full_keys);
    TARN_RETURN_IF_ERROR(reply.status());
    if (!reply->http.succeeded()) return client.ErrorOf(reply->http, request);
    pugi::xml_document document;
    document.load_buffer(reply->http.body.data(), reply->http.body.size());
    if (const auto error = document.child("DeleteResult").child("Error")) {
      const std::string code = error.child_value("Code");
      return Status(code == "AccessDenied" ? StatusCode::kPermission : StatusCode::kIo,
                    "DELETE s3://" + client.options().bucket + "/" + error.child_value("Key") +
                        ": " + code + " " + error.child_value("Message"));
    }
  }
  return DeleteEach(client, apart);
}

}  // namespace tarn::store::s3
