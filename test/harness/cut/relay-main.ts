import WebSocket from 'ws';

// Runs where a headless host listens on loopback, and hands its contract on to the process that started this one.
const socket = new WebSocket(process.argv[2] ?? '');
socket.on('open', () => process.send?.({ open: true }));
socket.on('message', (data) => process.send?.({ text: String(data) }));
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(0));
process.on('message', (text: string) => socket.send(text));
process.on('disconnect', () => process.exit(0));
