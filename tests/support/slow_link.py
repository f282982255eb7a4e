"""
SQLite + Supabase Sync System - A Slow Link

A proxy on loopback that delivers every byte later, as a long line would, without limiting how many are on their way; and counts
round trips exactly: how often one side spoke after the other had. A TCP handshake is one trip more, which it cannot delay.
"""

import asyncio
import re
import threading
from typing import List, Optional
from urllib.parse import urlsplit, urlunsplit

READY_FOR_QUERY = b'Z\x00\x00\x00\x05'


class Talk:
    """One connection. Trips begun before it could be used (TLS question, password) are counted apart."""

    def __init__(self) -> None:
        self.program = ''
        self.said = b''  # how its requests begin
        self.opening = self.working = 0
        self.open = self.ended = False  # ended: the program has closed it
        self.asking = False

    def asked(self, data: bytes) -> None:
        named = re.search(rb'application_name\x00([^\x00]*)', data) if not self.program else None
        if named:
            self.program = named[1].decode(errors='replace')
        self.said += data[:16384]
        if not self.asking:
            if self.open:
                self.working += 1
            else:
                self.opening += 1
        self.asking = True

    def answered(self, data: bytes) -> None:
        self.asking = False
        self.open = self.open or READY_FOR_QUERY in data


class SlowLink:
    """Delays each way by `delay` seconds until stop()."""

    def __init__(self, url: str, delay: float) -> None:
        parts = urlsplit(url)
        self.target, self.delay = (parts.hostname or '127.0.0.1', parts.port or 5432), delay
        self.talks: List[Talk] = []
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()
        self.url = urlunsplit(parts._replace(netloc=parts.netloc.rsplit('@', 1)[0] + f'@127.0.0.1:{self.port}'))

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, '127.0.0.1', 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk()
        self.talks.append(talk)
        there, back = await asyncio.open_connection(*self.target)
        try:
            await asyncio.gather(self._carry(reader, back, talk, True), self._carry(there, writer, talk, False))
        except asyncio.CancelledError:
            pass  # by stop(), which is no event

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, talk: Talk, asks: bool) -> None:
        def deliver(data: Optional[bytes]) -> None:
            if data is None:
                sink.close()
            elif not sink.is_closing():
                if not asks:
                    talk.answered(data)
                sink.write(data)

        data: bytes = b' '
        while data:
            try:
                data = await source.read(1 << 16)
            except ConnectionError:
                data = b''
            if asks and data:
                talk.asked(data)
            elif asks:
                talk.ended = True
            # Timers of one delay fire in the order in which they were set.
            self.loop.call_later(self.delay, deliver, data or None)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(lambda: self.loop.create_task(self._end()))
        self.thread.join()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.loop.stop()

    def __enter__(self) -> 'SlowLink':
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
