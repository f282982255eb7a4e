// Stream: the bytes of one connection, plain or TLS, under one face, so that sessions and the client exist
// once. Every handler is called exactly once, from the loop; after cancel() or close() with an error. Refuses
// to know deadlines: its owner has them, and cancels. Owned by one session, on the loop's thread.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio::ssl {
class context;
}

namespace syncnode::http {

using ErrorState = boost::system::error_code;
using Tcp = boost::asio::ip::tcp;

class Stream {
 public:
  using OnMoved = std::function<void(ErrorState, size_t)>;
  using OnDone = std::function<void(ErrorState)>;

  virtual ~Stream() = default;
  virtual void accept(OnDone done) = 0;   // the server's side of the handshake
  virtual void connect(OnDone done) = 0;  // the client's, on a connected socket
  virtual void read_some(boost::asio::mutable_buffer into, OnMoved moved) = 0;
  virtual void write(std::string_view bytes, OnMoved moved) = 0;  // all of them; they must stay
  virtual void end(OnDone done) = 0;                              // nothing more will be written
  virtual Tcp::socket& socket() = 0;

  // Bytes that nobody will look at, below TLS.
  void discard_some(boost::asio::mutable_buffer into, OnMoved moved);
  void cancel();
  void close();
};

std::unique_ptr<Stream> plain_stream(Tcp::socket socket);
// `verify_name`: the name the peer's certificate must carry; "" for a server.
std::unique_ptr<Stream> tls_stream(Tcp::socket socket, boost::asio::ssl::context& context,
                                   const std::string& verify_name);

}  // namespace syncnode::http
