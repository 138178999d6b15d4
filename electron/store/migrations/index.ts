import { initial } from './0001-initial.ts';
import { removal } from './0002-removal.ts';
import { list } from './0003-list.ts';
import type { Migration } from './migration.ts';

/** In order, without gaps, from 1. */
export const MIGRATIONS: readonly Migration[] = [initial, removal, list];
