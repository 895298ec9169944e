"""A service manager's ear: binds a datagram socket and prints each message as a line of JSON. Node has no such sockets."""
import json
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
    ear.bind(sys.argv[1])
    print(json.dumps("bound"), flush=True)
    while True:
        print(json.dumps(ear.recv(65536).decode()), flush=True)
