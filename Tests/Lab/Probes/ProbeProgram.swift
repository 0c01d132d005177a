/// The program that looks at ports from a host: everything it prints begins with the shared clock's time.
enum ProbeProgram {
    static let text = #"""
        import asyncio, socket, struct, sys, time

        def say(*words):
            print("%.6f" % time.monotonic(), *words, flush=True)

        # serve PORT [udp]: a service that sends without being asked, and tells what reaches it.
        async def serve(port):
            async def client(reader, writer):
                peer = writer.get_extra_info("peername")[0].replace("::ffff:", "")
                say("accepted", peer)
                async def send():
                    number = 0
                    while True:
                        number += 1
                        writer.write(b"tick %d\n" % number)
                        await writer.drain()
                        await asyncio.sleep(0.02)
                sender = asyncio.ensure_future(send())
                try:
                    while True:
                        data = await reader.read(4096)
                        if not data:
                            break
                        say("received", peer, len(data))
                except OSError as error:
                    say("lost", peer, error)
                finally:
                    sender.cancel()
                    writer.close()
            sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", port))
            server = await asyncio.start_server(client, sock=sock)
            say("ready")
            await server.serve_forever()

        # One attempt: open when the handshake ends within the limit.
        def attempt(host, port, limit):
            sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            sock.settimeout(limit)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                sock.connect((host, port))
                return True
            except OSError:
                return False
            finally:
                sock.close()

        # watch HOST PORT: attempts without a pause; says only what changes.
        # Each line is "open BEGUN" or "closed BEGUN": when the attempt that showed it was begun.
        def watch(host, port):
            before = None
            while True:
                begun = time.monotonic()
                now = attempt(host, port, 0.02)
                if now != before:
                    say("open" if now else "closed", "%.6f" % begun)
                    before = now
                if now:
                    time.sleep(0.005)

        # hold HOST PORT: one connection that both sides write to.
        async def hold(host, port):
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 5)
            except (OSError, asyncio.TimeoutError) as error:
                say("refused", error)
                return
            say("connected")
            async def send():
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            sender = asyncio.ensure_future(send())
            try:
                while True:
                    data = await reader.read(4096)
                    if not data:
                        say("ended")
                        break
                    say("received", len(data))
            except OSError as error:
                say("lost", error)
            sender.cancel()
            await asyncio.sleep(3600)

        mode = sys.argv[1]
        try:
            if mode == "serve":
                asyncio.run(serve(int(sys.argv[2])))
            elif mode == "watch":
                watch(sys.argv[2], int(sys.argv[3]))
            elif mode == "hold":
                asyncio.run(hold(sys.argv[2], int(sys.argv[3])))
            elif mode == "try":
                sys.exit(0 if attempt(sys.argv[2], int(sys.argv[3]), 0.25) else 1)
        except KeyboardInterrupt:
            pass
        """#
}
