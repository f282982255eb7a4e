// TLS contexts: 1.2 or newer, ciphers as the distribution sets them. OpenSSL's errors become ours here.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/result.h"

namespace syncnode::http {

using TlsContext = std::unique_ptr<boost::asio::ssl::context>;

Result<TlsContext> server_context(const std::string& certificate_file, const std::string& key_file);
// `ca_file` "": the authorities the system trusts.
Result<TlsContext> client_context(const std::string& ca_file);

}  // namespace syncnode::http
