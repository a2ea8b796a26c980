// Which of the forms a file has is seen by its beginning.
// broker/access/: see key_file.hpp.
#include "broker/access/key_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/access/jwk.hpp"
#include "broker/access/printable.hpp"

namespace tidemark::broker {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

KeyFault system_fault() { return {std::string("cannot be read: ") + std::strerror(errno)}; }

bool is_pem(std::string_view text) { return text.find("-----BEGIN ") != std::string_view::npos; }

bool is_json(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

VerifyKey::Made key_of_pem(const std::string& id, std::string_view text) {
  if (text.find("PRIVATE KEY-----") != std::string_view::npos) {
    return KeyFault{"is a private key; only its public half belongs here"};
  }
  auto key = read_public_pem(text);
  if (key == nullptr) return KeyFault{"is no PEM of a public key or certificate"};
  return VerifyKey::from_key(id, std::move(key));
}

std::variant<std::vector<Jwk>, KeyFault> jwks_of(std::string_view text) {
  if (is_key_set(text)) return read_key_set(text);
  auto one = read_jwk(text);
  if (auto* fault = std::get_if<KeyFault>(&one)) return std::move(*fault);
  return std::vector<Jwk>{std::get<Jwk>(std::move(one))};
}

std::variant<std::vector<VerifyKey>, KeyFault> keys_of_json(const TokenKeyRule& rule,
                                                            Algorithm algorithm,
                                                            std::string_view text) {
  auto read = jwks_of(text);
  if (auto* fault = std::get_if<KeyFault>(&read)) return std::move(*fault);
  auto& jwks = std::get<std::vector<Jwk>>(read);
  std::vector<VerifyKey> out;
  std::string first_fault;
  for (auto& jwk : jwks) {
    // A key of its own without a name is named by the rule.
    if (jwk.kid.empty() && jwks.size() == 1) jwk.kid = rule.id;
    if (!rule.id.empty() && jwk.kid != rule.id) continue;
    auto made = verify_key_of(jwk);
    if (auto* fault = std::get_if<KeyFault>(&made)) {
      if (first_fault.empty()) first_fault = fault->text;
    } else if (std::get<VerifyKey>(made).algorithm() == algorithm) {
      out.push_back(std::get<VerifyKey>(std::move(made)));
    }
  }
  if (!out.empty()) return out;
  if (!first_fault.empty()) return KeyFault{first_fault};
  return KeyFault{"has no key for " + rule.algorithm +
                  (rule.id.empty() ? "" : " with the id " + shown(rule.id))};
}

std::variant<std::vector<VerifyKey>, KeyFault> alone(VerifyKey::Made made, Algorithm algorithm) {
  if (auto* fault = std::get_if<KeyFault>(&made)) return std::move(*fault);
  auto& key = std::get<VerifyKey>(made);
  if (key.algorithm() != algorithm) {
    return KeyFault{"is a key for " + std::string(name_of(key.algorithm())) + ", not for " +
                    std::string(name_of(algorithm))};
  }
  return std::vector<VerifyKey>{std::move(key)};
}

}  // namespace

std::variant<KeyFile, KeyFault> read_key_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat about {};
  if (file.get() < 0 || ::fstat(file.get(), &about) != 0) return system_fault();
  if (!S_ISREG(about.st_mode)) return KeyFault{"is no file"};
  KeyFile out;
  out.readable_by_all = (about.st_mode & S_IROTH) != 0;
  std::array<char, 4096> piece{};
  while (true) {
    const auto got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_fault();
    if (got == 0) return out;
    out.bytes.append(piece.data(), static_cast<std::size_t>(got));
    if (out.bytes.size() > kMostKeyFileBytes) return KeyFault{"is larger than 1 MiB"};
  }
}

std::string_view secret_of(std::string_view file) {
  const bool text = std::ranges::all_of(
      file, [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r'; });
  if (!text) return file;
  if (file.ends_with('\n')) file.remove_suffix(1);
  if (file.ends_with('\r')) file.remove_suffix(1);
  return file;
}

std::variant<std::vector<VerifyKey>, KeyFault> verify_keys_of(const TokenKeyRule& rule,
                                                              std::string_view file) {
  const auto algorithm = algorithm_named(rule.algorithm);
  if (!algorithm) return KeyFault{"is for no algorithm there is"};
  const bool secret = *algorithm == Algorithm::hs256;
  if (is_pem(file)) {
    if (secret) return KeyFault{"is PEM; HS256 takes a secret, which no public key is"};
    return alone(key_of_pem(rule.id, file), *algorithm);
  }
  if (is_json(file) && (!secret || std::holds_alternative<std::vector<Jwk>>(jwks_of(file)))) {
    return keys_of_json(rule, *algorithm, file);
  }
  if (secret) return alone(VerifyKey::from_secret(rule.id, secret_of(file)), *algorithm);
  return KeyFault{"is neither PEM nor a JWK"};
}

std::variant<std::vector<VerifyKey>, KeyFault> verify_keys_of_set(
    std::string_view text, bool secrets, std::vector<std::string>& skipped) {
  auto read = read_key_set(text);
  if (auto* fault = std::get_if<KeyFault>(&read)) return std::move(*fault);
  std::vector<VerifyKey> out;
  for (const auto& jwk : std::get<std::vector<Jwk>>(read)) {
    auto made = verify_key_of(jwk);
    if (jwk.kty == "oct" && !secrets) made = KeyFault{"is a secret, which a URL tells everyone"};
    if (auto* fault = std::get_if<KeyFault>(&made)) {
      skipped.push_back("key " + shown(jwk.kid) + " " + fault->text);
    } else {
      out.push_back(std::get<VerifyKey>(std::move(made)));
    }
  }
  if (!out.empty()) return out;
  return KeyFault{skipped.empty() ? "has no keys" : "has no usable key: " + skipped.front()};
}

}  // namespace tidemark::broker
