// An authority of one test's own, and certificates it has signed.
// tests/: made by openssl when they are needed; gone when the test is.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "tests/support/temp_dir.hpp"

namespace tidemark {

class Certificates {
 public:
  struct Pair {
    std::filesystem::path certificate;
    std::filesystem::path key;
  };

  Certificates() { request("ca", kElliptic, ""); }

  /// Whom clients are to trust.
  [[nodiscard]] std::filesystem::path authority() const { return file("ca.pem"); }

  /// For a broker on loopback. Replaces an earlier one of the same file name.
  Pair make(const std::string& name, const std::string& algorithm = kElliptic) {
    return make_for("DNS:localhost,IP:127.0.0.1,IP:::1", name, algorithm);
  }
  /// For others; as in a subjectAltName.
  Pair make_for(const std::string& names, const std::string& name,
                const std::string& algorithm = kElliptic) {
    request(name, algorithm, " -CA ca.pem -CAkey ca.key -addext subjectAltName=" + names);
    return {file(name + ".pem"), file(name + ".key")};
  }

  [[nodiscard]] std::filesystem::path file(const std::string& name) const {
    return dir_.path() / name;
  }
  /// Runs a command in the directory of the files. Throws if it fails.
  void run(const std::string& command) const {
    const auto whole = "cd " + dir_.path().string() + " && " + command + " >>log 2>&1";
    // NOLINTNEXTLINE: the command is a test's own
    if (std::system(whole.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }

  static constexpr const char* kElliptic = "ec -pkeyopt ec_paramgen_curve:P-256";
  static constexpr const char* kRsa = "rsa:2048";

 private:
  void request(const std::string& name, const std::string& algorithm, const std::string& more) {
    run("openssl req -x509 -days 2 -nodes -newkey " + algorithm + " -keyout " + name +
        ".key -out " + name + ".pem -subj /CN=" + name + more);
  }

  TempDir dir_;
};

}  // namespace tidemark
