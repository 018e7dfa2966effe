import Glibc
import Linux

/// Sends and receives control messages over a stream socket.
public final class ControlConnection {
    /// More unsent bytes than that mean that the other end does not read.
    private static let longestBacklog = 8 << 20
    /// What is written at a time: see Pump.
    private static let burst = 16 << 10

    private var socket: Descriptor?
    private var watch: EventLoop.Watch?
    private var unsent: [UInt8] = []
    private var decoder = FrameDecoder()
    private var message: [UInt8] = []
    private let onMessage: (ControlMessage) throws -> Void
    private let onClose: (StreamError?) throws -> Void

    /// Takes the socket and makes it non-blocking. `onClose` is called once, when the other end goes away (nil) or does
    /// not keep to the protocol; not after `close`. `preface` is sent before all messages.
    public init(
        _ socket: Descriptor, preface: [UInt8] = [], loop: EventLoop,
        onMessage: @escaping (ControlMessage) throws -> Void,
        onClose: @escaping (StreamError?) throws -> Void
    ) throws {
        try socket.setNonBlocking()
        self.socket = socket
        self.onMessage = onMessage
        self.onClose = onClose
        unsent = preface
        watch = loop.watch(socket.raw, preface.isEmpty ? .read : [.read, .write]) { [unowned self] events in
            if events.contains(.write) { try flush() }
            if !events.isDisjoint(with: EventLoop.Events.gone.union(.read)) { try receive() }
        }
    }

    deinit { watch?.cancel() }

    public var isOpen: Bool { socket != nil }
    /// All that was given to `send` is in the kernel's hands.
    public var isFlushed: Bool { unsent.isEmpty }

    /// Queues a message, and sends what the socket takes now. On a closed connection it does nothing.
    public func send(_ message: ControlMessage) throws {
        guard isOpen else { return }
        unsent += try FrameEncoder.frame(try message.payload())
        try flush()
    }

    public func close() {
        watch?.cancel()
        socket = nil
        unsent = []
    }

    private func flush() throws {
        while let socket, !unsent.isEmpty {
            let count = unsent.withUnsafeBytes { write(socket.raw, $0.baseAddress, min($0.count, Self.burst)) }
            if count >= 0 {
                unsent.removeFirst(count)
            } else if Errno.current == .wouldBlock {
                break
            } else if Errno.current != .interrupted {
                return try end(nil)
            }
        }
        guard unsent.count <= Self.longestBacklog else { return try end(.lost) }
        watch?.interest = unsent.isEmpty ? .read : [.read, .write]
    }

    private func receive() throws {
        guard let socket else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(socket.raw, &buffer, buffer.count)
        if count < 0, [.wouldBlock, .interrupted].contains(Errno.current) { return }
        guard count > 0 else { return try end(nil) }
        let messages: [ControlMessage]
        do {
            messages = try decode(buffer[..<count])
        } catch let error as StreamError {
            return try end(error)
        }
        for message in messages where isOpen { try onMessage(message) }
    }

    private func decode(_ bytes: ArraySlice<UInt8>) throws -> [ControlMessage] {
        var messages: [ControlMessage] = []
        for piece in try decoder.decode(bytes) {
            guard case .bytes(let part, let last) = piece else { continue }
            message += part
            guard last else { continue }
            if let known = try ControlMessage(payload: message) { messages.append(known) }
            message = []
        }
        return messages
    }

    private func end(_ error: StreamError?) throws {
        close()
        try onClose(error)
    }
}
