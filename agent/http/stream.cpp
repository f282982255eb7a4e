#include "http/stream.h"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

namespace syncnode::http {
namespace asio = boost::asio;

void Stream::discard_some(asio::mutable_buffer into, OnMoved moved) {
  socket().async_read_some(into, std::move(moved));
}

void Stream::cancel() {
  ErrorState ignored;  // a socket that cannot be cancelled is closed already
  socket().cancel(ignored);
}

void Stream::close() {
  ErrorState ignored;
  socket().close(ignored);
}

namespace {

class PlainStream final : public Stream {
 public:
  explicit PlainStream(Tcp::socket socket) : socket_(std::move(socket)) {}

  void accept(OnDone done) override {
    asio::post(socket_.get_executor(), [done] { done({}); });
  }
  void connect(OnDone done) override { accept(std::move(done)); }
  void read_some(asio::mutable_buffer into, OnMoved moved) override {
    socket_.async_read_some(into, std::move(moved));
  }
  void write(std::string_view bytes, OnMoved moved) override {
    asio::async_write(socket_, asio::const_buffer(bytes.data(), bytes.size()), std::move(moved));
  }
  void end(OnDone done) override {
    ErrorState state;
    socket_.shutdown(Tcp::socket::shutdown_send, state);
    asio::post(socket_.get_executor(), [done, state] { done(state); });
  }
  Tcp::socket& socket() override { return socket_; }

 private:
  Tcp::socket socket_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(Tcp::socket socket, asio::ssl::context& context, const std::string& verify_name)
      : stream_(std::move(socket), context) {
    // A connection that waits gives its 32 KiB of buffers back.
    ::SSL_set_mode(stream_.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    if (verify_name.empty()) return;
    stream_.set_verify_mode(asio::ssl::verify_peer);
    stream_.set_verify_callback(asio::ssl::host_name_verification(verify_name));
    ErrorState not_an_address;  // addresses are not sent as names
    asio::ip::make_address(verify_name, not_an_address);
    if (not_an_address) SSL_set_tlsext_host_name(stream_.native_handle(), verify_name.c_str());
  }

  void accept(OnDone done) override { stream_.async_handshake(Side::server, std::move(done)); }
  void connect(OnDone done) override { stream_.async_handshake(Side::client, std::move(done)); }
  void read_some(asio::mutable_buffer into, OnMoved moved) override {
    stream_.async_read_some(into, std::move(moved));
  }
  void write(std::string_view bytes, OnMoved moved) override {
    asio::async_write(stream_, asio::const_buffer(bytes.data(), bytes.size()), std::move(moved));
  }
  // Waits for the peer's own end, or for an error when it still talks; both will do.
  void end(OnDone done) override {
    stream_.async_shutdown([this, done](ErrorState state) {
      ErrorState ignored;
      socket().shutdown(Tcp::socket::shutdown_send, ignored);
      done(state == asio::error::operation_aborted ? state : ErrorState());
    });
  }
  Tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  using Side = asio::ssl::stream_base;
  asio::ssl::stream<Tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Stream> plain_stream(Tcp::socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

std::unique_ptr<Stream> tls_stream(Tcp::socket socket, asio::ssl::context& context,
                                   const std::string& verify_name) {
  return std::make_unique<TlsStream>(std::move(socket), context, verify_name);
}

}  // namespace syncnode::http
