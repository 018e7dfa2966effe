import Testing

extension LabTests {
    /// The lab's own name server, 203.0.113.1, knows outside.test and nothing else.
    @Suite("name resolution in the VM")
    struct DNSTests {
        private func network(_ options: String = "", _ body: () throws -> Void) throws {
            try Lab.sh(
                """
                docker network create \(options) names >/dev/null
                docker run -d --name peer --net names busybox:local sleep 10000 >/dev/null
                """)
            try body()
            try Lab.sh("docker rm -f peer >/dev/null; docker network rm names >/dev/null")
        }

        private func peerAddress() throws -> String {
            try Lab.sh("docker inspect -f '{{.NetworkSettings.Networks.names.IPAddress}}' peer")
        }

        /// What both runtimes say to the same options and command; the command's output must be equal.
        /// nslookup asks for A and AAAA at once, and shows what comes first: sort it.
        private func expectAsRunc(_ options: String, _ script: String, _ words: String...) throws {
            let expected = try Lab.run("docker run --rm \(options) busybox:local sh -c '\(script)'")
            let found = try Lab.docker("\(options) busybox:local sh -c '\(script)'")
            #expect(found.text == expected.text, "\(found.errors)")
            #expect(found.status == expected.status)
            for word in words { #expect(found.text.contains(word), "\(found.text)") }
        }

        @Test("on a user's network names of containers and external names resolve, with the container's resolv.conf")
        func names() throws {
            try network {
                let found = try Lab.run(
                    """
                    docker run --name resolver --runtime=runcvm --net names busybox:local sh -c \
                        'nslookup peer; nslookup outside.test; nslookup nowhere.test; cp /etc/resolv.conf /dev/stderr' \
                        2>/tmp/resolv.conf
                    cmp /tmp/resolv.conf $(docker inspect -f '{{.ResolvConfPath}}' resolver) && echo same
                    docker rm resolver >/dev/null
                    """)
                #expect(found.lines.contains("Address: \(try peerAddress())"), "\(found.text)\(found.errors)")
                #expect(found.lines.contains("Address: 203.0.113.1"), "\(found.text)")
                #expect(found.text.contains("can't find nowhere.test: NXDOMAIN"), "\(found.text)")
                #expect(found.lines.last == "same", "\(found.text)")
            }
        }

        @Test("on a network with no address to spare external names resolve too")
        func smallest() throws {
            try Lab.sh("docker network create --subnet 10.77.0.0/30 small >/dev/null")
            let found = try Lab.docker("--net small busybox:local nslookup -type=a outside.test")
            #expect(found.lines.contains("Address: 203.0.113.1"), "\(found.text)\(found.errors)")
            try Lab.sh("docker network rm small >/dev/null")
        }

        @Test("by TCP as by UDP, many at once")
        func transports() throws {
            let script = """
                import socket, struct, sys
                def query(number, name):
                    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
                    return struct.pack(">6H", number, 256, 1, 0, 0, 0) + labels + struct.pack(">B2H", 0, 1, 1)
                def exactly(stream, count):
                    data = b""
                    while len(data) < count:
                        part = stream.recv(count - len(data))
                        if not part: raise EOFError(len(data))
                        data += part
                    return data
                def show(kind, name, answers):
                    print(kind, name, {(answer[3] & 15, ".".join(map(str, answer[-4:]))) for answer in answers})
                server = ("127.0.0.11", 53)
                # A server of the image's own has port 53 of all addresses, as it may in a container.
                kept = []
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    own = socket.socket(socket.AF_INET, kind); own.bind(("", 53))
                    if kind == socket.SOCK_STREAM: own.listen()
                    print("bound", kind.name); kept.append(own)
                mapped = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); mapped.settimeout(20)
                mapped.sendto(query(7, "peer"), ("::ffff:127.0.0.11", 53))
                print("mapped", mapped.recvfrom(4096)[1][:2])
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    client = socket.socket(socket.AF_INET6, kind); client.connect(("::ffff:127.0.0.11", 53))
                    print("connected", client.getpeername()[:2])
                for name in sys.argv[1:]:
                    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
                    for number, udp in enumerate(sockets):
                        udp.settimeout(20)
                        udp.sendto(query(number, name), server)
                    show("udp", name, [udp.recv(4096) for udp in sockets])
                    tcp = socket.create_connection(server, 20)
                    for number in range(20):
                        message = query(number, name)
                        tcp.sendall(struct.pack(">H", len(message)) + message)
                    tcp.shutdown(socket.SHUT_WR)
                    show("tcp", name, [exactly(tcp, struct.unpack(">H", exactly(tcp, 2))[0]) for _ in range(20)])
                """
            try network {
                let found = try Lab.docker(
                    "-i --net names debian:local python3 - peer outside.test", input: [UInt8](script.utf8))
                for line in ["bound SOCK_DGRAM", "bound SOCK_STREAM", "mapped ('::ffff:127.0.0.11', 53)"] {
                    #expect(found.lines.contains(line), "\(found.text)\(found.errors)")
                }
                #expect(found.lines.count { $0 == "connected ('::ffff:127.0.0.11', 53)" } == 2, "\(found.text)")
                let peer = try peerAddress()
                let expected = [("udp", "peer", peer), ("tcp", "peer", peer), ("udp", "outside.test", "203.0.113.1")]
                for (kind, name, address) in expected + [("tcp", "outside.test", "203.0.113.1")] {
                    #expect(found.lines.contains("\(kind) \(name) {(0, '\(address)')}"), "\(found.text)\(found.errors)")
                }
            }
        }

        @Test("on an internal network names of containers resolve, and external ones fail at once, as with runc")
        func internalNetwork() throws {
            try network("--internal") {
                try expectAsRunc(
                    "--net names",
                    "nslookup peer | sort; s=$(date +%s); nslookup outside.test 2>&1; [ $(($(date +%s) - s)) -lt 5 ] && echo fast",
                    "Address: \(try peerAddress())", "fast")
            }
        }

        @Test("--dns, --dns-search, --add-host and --hostname are as with runc", arguments: ["bridge", "names"])
        func options(net: String) throws {
            try network {
                try expectAsRunc(
                    """
                    --net \(net) --dns 203.0.113.1 --dns-search test --dns-option timeout:7 --add-host box:192.0.2.9 \
                    --hostname pc
                    """,
                    """
                    cat /etc/resolv.conf; grep box /etc/hosts; hostname; grep -c pc /etc/hosts; nslookup outside.test | sort
                    ping -c 1 -w 1 box | head -n 1
                    """, "search test", "203.0.113.1", "192.0.2.9", "pc")
            }
        }
    }
}
