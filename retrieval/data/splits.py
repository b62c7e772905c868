"""The classes of the published data sets, and the published ways to keep some of them unseen.

Every list is complete and was compared with the source that it names; a split whose list could not be read is not here.
Names are in lower case with spaces; `layouts.Names` knows how folders spell them. The readers count pictures.

Two traps. The 104/21 split of Sketchy is "zeroshot2" for some authors and "zeroshot0" for others. And only that split
was made to keep its unseen classes apart from ImageNet-1k: of unseen classes of the others, a backbone that was trained
on ImageNet has seen labelled photographs.

Not here: the other random 25 and 30 classes that SEM-PCYC draws, and the 80/30 split of QuickDraw-Extended.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassSplit:
    """Which classes of a data set may be learnt from. No class is in two of the parts."""

    name: str
    source: str  # who published the list
    seen: tuple[str, ...]
    unseen: tuple[str, ...]  # what a test asks for
    validation: tuple[str, ...] = ()  # unseen too, to choose a model by


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.replace("\n", " ").split(","))


def _without(classes: tuple[str, ...], unseen: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in classes if name not in unseen)


SKETCHY = _names("""
airplane, alarm clock, ant, ape, apple, armor, axe, banana, bat, bear, bee, beetle, bell, bench, bicycle, blimp,
bread, butterfly, cabin, camel, candle, cannon, car (sedan), castle, cat, chair, chicken, church, couch, cow, crab,
crocodilian, cup, deer, dog, dolphin, door, duck, elephant, eyeglasses, fan, fish, flower, frog, geyser, giraffe,
guitar, hamburger, hammer, harp, hat, hedgehog, helicopter, hermit crab, horse, hot-air balloon, hotdog, hourglass,
jack-o-lantern, jellyfish, kangaroo, knife, lion, lizard, lobster, motorcycle, mouse, mushroom, owl, parrot, pear,
penguin, piano, pickup truck, pig, pineapple, pistol, pizza, pretzel, rabbit, raccoon, racket, ray, rhinoceros, rifle,
rocket, sailboat, saw, saxophone, scissors, scorpion, sea turtle, seagull, seal, shark, sheep, shoe, skyscraper,
snail, snake, songbird, spider, spoon, squirrel, starfish, strawberry, swan, sword, table, tank, teapot, teddy bear,
tiger, tree, trumpet, turtle, umbrella, violin, volcano, wading bird, wheelchair, windmill, window, wine bottle, zebra
""")
_SKETCHY_25 = _names("""
airplane, bell, butterfly, camel, chicken, cup, deer, harp, horse, parrot, pineapple, ray, rifle, scissors, snail,
squirrel, swan, tank, teddy bear, tree, umbrella, volcano, wheelchair, windmill, wine bottle
""")
_SKETCHY_21 = _names("""
bat, cabin, cow, dolphin, door, giraffe, helicopter, mouse, pear, raccoon, rhinoceros, saw, scissors, seagull,
skyscraper, songbird, sword, tree, wheelchair, windmill, window
""")
TUBERLIN = _names("""
airplane, alarm clock, angel, ant, apple, arm, armchair, ashtray, axe, backpack, banana, barn, baseball bat, basket,
bathtub, bear (animal), bed, bee, beer-mug, bell, bench, bicycle, binoculars, blimp, book, bookshelf, boomerang,
bottle opener, bowl, brain, bread, bridge, bulldozer, bus, bush, butterfly, cabinet, cactus, cake, calculator, camel,
camera, candle, cannon, canoe, car (sedan), carrot, castle, cat, cell phone, chair, chandelier, church, cigarette,
cloud, comb, computer monitor, computer-mouse, couch, cow, crab, crane (machine), crocodile, crown, cup, diamond, dog,
dolphin, donut, door, door handle, dragon, duck, ear, elephant, envelope, eye, eyeglasses, face, fan, feather,
fire hydrant, fish, flashlight, floor lamp, flower with stem, flying bird, flying saucer, foot, fork, frog,
frying-pan, giraffe, grapes, grenade, guitar, hamburger, hammer, hand, harp, hat, head, head-phones, hedgehog,
helicopter, helmet, horse, hot air balloon, hot-dog, hourglass, house, human-skeleton, ice-cream-cone, ipod, kangaroo,
key, keyboard, knife, ladder, laptop, leaf, lightbulb, lighter, lion, lobster, loudspeaker, mailbox, megaphone,
mermaid, microphone, microscope, monkey, moon, mosquito, motorbike, mouse (animal), mouth, mug, mushroom, nose,
octopus, owl, palm tree, panda, paper clip, parachute, parking meter, parrot, pear, pen, penguin, person sitting,
person walking, piano, pickup truck, pig, pigeon, pineapple, pipe (for smoking), pizza, potted plant, power outlet,
present, pretzel, pumpkin, purse, rabbit, race car, radio, rainbow, revolver, rifle, rollerblades, rooster, sailboat,
santa claus, satellite, satellite dish, saxophone, scissors, scorpion, screwdriver, sea turtle, seagull, shark, sheep,
ship, shoe, shovel, skateboard, skull, skyscraper, snail, snake, snowboard, snowman, socks, space shuttle, speed-boat,
spider, sponge bob, spoon, squirrel, standing bird, stapler, strawberry, streetlight, submarine, suitcase, sun, suv,
swan, sword, syringe, t-shirt, table, tablelamp, teacup, teapot, teddy-bear, telephone, tennis-racket, tent, tiger,
tire, toilet, tomato, tooth, toothbrush, tractor, traffic light, train, tree, trombone, trousers, truck, trumpet, tv,
umbrella, van, vase, violin, walkie talkie, wheel, wheelbarrow, windmill, wine-bottle, wineglass, wrist-watch, zebra
""")
_TUBERLIN_30 = _names("""
ant, banana, bottle opener, brain, bread, bridge, bus, canoe, fan, frying-pan, horse, hot air balloon, laptop,
lighter, parachute, penguin, pizza, rollerblades, shoe, snowboard, space shuttle, streetlight, suitcase, t-shirt,
table, teacup, telephone, tractor, trombone, windmill
""")
_DOMAINNET_SEEN = _names("""
aircraft carrier, alarm clock, ambulance, ant, apple, arm, backpack, banana, barn, baseball, basket, basketball, bat,
bathtub, beach, bear, bed, bee, belt, bench, bicycle, binoculars, bird, book, bottlecap, bowtie, brain, bridge,
broccoli, broom, bucket, bus, butterfly, camel, camera, candle, cannon, canoe, car, castle, cat, cello, cell phone,
chair, church, clock, compass, computer, couch, cow, crab, crocodile, cup, diamond, dishwasher, dog, door, dragon,
drill, drums, duck, dumbbell, ear, elephant, envelope, eraser, eye, face, fan, feather, fence, fish, flamingo, flower,
foot, fork, frog, frying pan, garden, grass, guitar, hammer, hand, harp, hat, hedgehog, helmet, hockey puck, horse,
hot dog, hot tub, hourglass, house, ice cream, jacket, kangaroo, key, keyboard, knee, knife, lantern, laptop, leaf,
leg, lighter, lighthouse, line, lion, lipstick, lobster, lollipop, mailbox, microphone, microwave, monkey, mosquito,
mountain, mouse, mouth, mug, mushroom, nail, necklace, nose, ocean, oven, owl, paintbrush, panda, parachute, pear,
pencil, penguin, piano, pickup truck, pig, pillow, pineapple, pizza, pool, popsicle, potato, purse, rabbit, radio,
rain, rake, remote control, rhinoceros, rifle, river, saw, saxophone, school bus, scorpion, screwdriver, shark, sheep,
shoe, shovel, sleeping bag, snail, snake, snorkel, soccer ball, sock, speedboat, spider, spoon, squirrel, star,
stethoscope, stove, strawberry, submarine, sun, swan, swing set, sword, syringe, table, teapot, telephone, television,
tent, tiger, toaster, toe, toilet, tractor, traffic light, train, tree, trombone, truck, trumpet, umbrella, van, vase,
violin, washing machine, whale, wheel, wine bottle, zebra, t-shirt, stereo, waterslide, underwear, floor lamp,
toothbrush, diving board, bush, calculator, light bulb, cooler, dresser, blackberry, stitches, fireplace, pond,
string bean, yoga, triangle, map, picture frame, headphones, eyeglasses, the eiffel tower, streetlight, baseball bat,
square, hot air balloon, roller coaster, palm tree, wine glass, flip flops, garden hose, cruise ship, circle,
calendar, the mona lisa, flashlight, snowflake, bulldozer
""")
_DOMAINNET_VAL = _names("""
angel, animal migration, anvil, birthday cake, teddy-bear, camouflage, carrot, ceiling fan, chandelier, clarinet,
coffee cup, cookie, crayon, crown, fire hydrant, firetruck, flying saucer, goatee, golf club, hexagon, hockey stick,
hospital, house plant, jail, matches, mermaid, moustache, octagon, paint can, pants, paper clip, passport, pliers,
police car, postcard, power outlet, raccoon, sandwich, sea turtle, see saw, shorts, sink, skull, smiley face,
spreadsheet, squiggle, stairs, steak, stop sign, tennis racquet, the great wall of china, toothpaste, cactus,
wristwatch, zigzag
""")
_DOMAINNET_TEST = _names("""
airplane, asparagus, axe, bandage, beard, blueberry, boomerang, bracelet, bread, cake, campfire, cloud, dolphin,
donut, elbow, finger, giraffe, grapes, hamburger, helicopter, hurricane, ladder, lightning, marker, megaphone, moon,
motorbike, octopus, onion, parrot, peanut, peas, rainbow, rollerskates, sailboat, scissors, skateboard, skyscraper,
snowman, suitcase, sweater, tooth, tornado, watermelon, windmill
""")
OFFICE_HOME = _names("""
alarm clock, backpack, batteries, bed, bike, bottle, bucket, calculator, calendar, candles, chair, clipboards,
computer, couch, curtains, desk lamp, drill, eraser, exit sign, fan, file cabinet, flipflops, flowers, folder, fork,
glasses, hammer, helmet, kettle, keyboard, knives, lamp shade, laptop, marker, monitor, mop, mouse, mug, notebook,
oven, pan, paper clip, pen, pencil, postit notes, printer, push pin, radio, refrigerator, ruler, scissors,
screwdriver, shelf, sink, sneakers, soda, speaker, spoon, table, telephone, toothbrush, toys, trash can, tv, webcam
""")

SKETCHY_100_25 = ClassSplit(
    "sketchy/100-25", "SAKE (ICCV 2019), as listed by ZSE-SBIR (CVPR 2023)", _without(SKETCHY, _SKETCHY_25), _SKETCHY_25
)
SKETCHY_104_21 = ClassSplit(
    "sketchy/104-21",
    "Yelamarthi et al. (ECCV 2018), as listed by ZSE-SBIR (CVPR 2023)",
    _without(SKETCHY, _SKETCHY_21),
    _SKETCHY_21,
)
TUBERLIN_220_30 = ClassSplit(
    "tuberlin/220-30",
    "SAKE (ICCV 2019), as listed by ZSE-SBIR (CVPR 2023)",
    _without(TUBERLIN, _TUBERLIN_30),
    _TUBERLIN_30,
)
DOMAINNET_UCDR = ClassSplit(
    "domainnet/245-55-45",
    "SnMpNet (ICCV 2021), as numbered by ProS (CVPR 2024)",
    _DOMAINNET_SEEN,
    _DOMAINNET_TEST,
    _DOMAINNET_VAL,
)
"""`seen` keeps the published order, because the protocol for seen classes takes the first 45."""

DOMAINNET = tuple(sorted(DOMAINNET_UCDR.seen + DOMAINNET_UCDR.validation + DOMAINNET_UCDR.unseen))
SPLITS = {split.name: split for split in (SKETCHY_100_25, SKETCHY_104_21, TUBERLIN_220_30, DOMAINNET_UCDR)}
