#include "http/tls.h"

#include <fmt/format.h>

namespace syncnode::http {
namespace {

using Context = boost::asio::ssl::context;

TlsContext modern_context(Context::method method) {
  auto context = std::make_unique<Context>(method);
  context->set_options(Context::no_sslv2 | Context::no_sslv3 | Context::no_tlsv1 | Context::no_tlsv1_1 |
                       Context::no_compression);
  return context;
}

Error file_error(std::string_view what, const std::string& path, const boost::system::error_code& state,
                 std::string hint) {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("cannot use the {} '{}': {}", what, path, state.message()), std::move(hint)};
}

// The unit hides directories, whoever may read them otherwise.
Error file_of_node_error(std::string_view what, const std::string& path,
                         const boost::system::error_code& state) {
  return file_error(what, path, state,
                    "give a PEM file that a node can read, best in /etc/sync-node/ (0600 root will do)");
}

}  // namespace

Result<TlsContext> server_context(const std::string& certificate_file, const std::string& key_file) {
  auto context = modern_context(Context::tls_server);
  boost::system::error_code state;
  context->use_certificate_chain_file(certificate_file, state);
  if (state) return file_of_node_error("certificate", certificate_file, state);
  context->use_private_key_file(key_file, Context::pem, state);
  if (state) return file_of_node_error("private key", key_file, state);
  return context;
}

Result<TlsContext> client_context(const std::string& ca_file) {
  auto context = modern_context(Context::tls_client);
  boost::system::error_code state;
  if (ca_file.empty()) {
    context->set_default_verify_paths(state);
  } else {
    context->load_verify_file(ca_file, state);
  }
  if (state) return file_error("authorities' file", ca_file, state, "give a PEM file this process may read");
  return context;
}

}  // namespace syncnode::http
