import Testing

@testable import Streams

@Suite struct FrameTests {
    static let bytes: [UInt8] = (0..<1000).map { UInt8($0 * 7 & 255) }

    @Test("a frame is a length in network order and the bytes")
    func layout() throws {
        #expect(try FrameEncoder.frame([0xff, 0x00, 0x0a]) == [0, 0, 0, 3, 0xff, 0x00, 0x0a])
        #expect(try FrameEncoder.frame([]) == [])
    }

    @Test("frames come through however the input is cut", arguments: [1, 2, 3, 5, 64, 1003, 5000])
    func chunks(size: Int) throws {
        let input = try FrameEncoder.frame(Self.bytes) + FrameEncoder.frame([1, 2, 3]) + Frame.endOfStream
        var decoder = FrameDecoder()
        var output: [UInt8] = []
        var frames = 0
        for start in stride(from: 0, to: input.count, by: size) {
            for piece in try decoder.decode(input[start..<min(start + size, input.count)]) {
                guard case .bytes(let part, let last) = piece else { continue }
                output += part
                frames += last ? 1 : 0
            }
        }
        #expect(output == Self.bytes + [1, 2, 3])
        #expect(frames == 2)
        #expect(decoder.ended)
    }

    @Test("the longest frame passes, one byte more is an error")
    func limit() throws {
        var decoder = FrameDecoder()
        #expect(try decoder.decode([0, 1, 0, 0]) == [])
        var other = FrameDecoder()
        #expect(throws: StreamError.frameTooLong(65537)) { try other.decode([0, 1, 0, 1]) }
        #expect(throws: StreamError.frameTooLong(65537)) {
            try FrameEncoder.frame([UInt8](repeating: 0, count: 65537))
        }
    }

    @Test("bytes after the end are an error")
    func afterEnd() throws {
        var decoder = FrameDecoder()
        #expect(throws: StreamError.afterEnd) { try decoder.decode([0, 0, 0, 0, 1]) }
    }
}

@Suite struct ControlMessageTests {
    @Test(
        "every message survives the way through JSON",
        arguments: [
            .signal(number: 15), .windowSize(rows: 24, columns: 80), .finish, .started(pid: 42), .exited(status: 143),
            .failed(message: "exec: \"föö\": not found\n", status: 127),
        ] as [ControlMessage])
    func roundTrip(message: ControlMessage) throws {
        #expect(try ControlMessage(payload: try message.payload()) == message)
    }

    @Test("a message of an unknown type is none")
    func unknown() throws {
        #expect(try ControlMessage(payload: Array(#"{"type":"future","x":[1]}"#.utf8)) == nil)
    }

    @Test(
        "a malformed message is an error",
        arguments: [
            "", "{}", "[1]", #"{"type":"signal"}"#, #"{"type":"signal","number":65}"#,
            #"{"type":"exited","status":256}"#,
        ])
    func malformed(text: String) {
        #expect(throws: StreamError.self) { try ControlMessage(payload: Array(text.utf8)) }
    }
}
