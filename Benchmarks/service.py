"""The protected service: it sends without being asked, every 2 ms."""
import socket, threading, time

server = socket.create_server(("", 9000), backlog=512)


def client(sock):
    try:
        while True:
            sock.sendall(b"tick")
            time.sleep(0.002)
    except OSError:
        sock.close()


while True:
    threading.Thread(target=client, args=(server.accept()[0],), daemon=True).start()
