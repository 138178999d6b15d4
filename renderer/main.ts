import './ui/tokens.css';
import './ui/base.css';
import { mount } from 'svelte';
import { App } from './app/app.svelte.ts';
import Root from './app/root.svelte';
import { openBridge } from './bridge/open-bridge.ts';

const target = document.getElementById('app');
if (target === null) throw new Error('the page has no place for the app');

const app = new App(openBridge(), window.localStorage);
mount(Root, { target, props: { app } });
void app.start();
